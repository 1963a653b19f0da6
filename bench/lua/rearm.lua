-- Between two herds: workers have finished all runs, and every schedule is armed for one instant.
--
-- KEYS[1]  schedules that are armed (zset)   KEYS[2]  the queue (list)
-- ARGV     1 nominal time (us), 2 the same in unix seconds, 3 first and 4 last rank of the schedules to arm
local armed = ARGV[1] .. ':' .. ARGV[1]
for _, id in ipairs(redis.call('ZRANGE', 'rq:scheduler:schedules', ARGV[3], ARGV[4])) do
  redis.call('HSET', 'rq:scheduler:schedule:' .. id, 'armed', armed)
  redis.call('ZADD', KEYS[1], ARGV[2], id)
end
local runs = redis.call('LPOP', KEYS[2], 1000) or {}
for _, run in ipairs(runs) do redis.call('HSET', 'rq:job:' .. run, 'status', 'finished') end
return #runs
