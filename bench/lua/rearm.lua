-- Every schedule is armed for one instant, whatever it was armed for; what was planned goes, and is to be planned anew. (Of
-- commits before plans were data in Redis, none has a plan, and nobody reads KEYS[2].)
--
-- KEYS[1]  schedules that are armed (zset)   KEYS[2]  schedules to plan (zset, id -> unix seconds)
-- ARGV     1 nominal time (us), 2 the same in unix seconds, 3 first and 4 last rank of the schedules to arm
local armed = ARGV[1] .. ':' .. ARGV[1]
for _, id in ipairs(redis.call('ZRANGE', 'rq:scheduler:schedules', ARGV[3], ARGV[4])) do
  local record = 'rq:scheduler:schedule:' .. id
  redis.call('HDEL', record, 'plan')
  redis.call('HSET', record, 'armed', armed)
  redis.call('ZADD', KEYS[1], ARGV[2], id)
  redis.call('ZADD', KEYS[2], 0, id)
end
