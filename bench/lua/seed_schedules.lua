-- Schedules like one that the API has put, all armed for one instant.
--
-- ARGV     1 id of the one that is there, 2 nominal time (us), 3 the same in unix seconds, 4 ... ids
local function all(kind) return 'rq:scheduler:' .. kind .. ':' end
local armed = ARGV[2] .. ':' .. ARGV[2]
for i = 4, #ARGV do
  local id = ARGV[i]
  redis.call('COPY', all('template') .. ARGV[1], all('template') .. id)
  redis.call('COPY', all('schedule') .. ARGV[1], all('schedule') .. id)
  redis.call('HSET', all('schedule') .. id, 'armed', armed)
  redis.call('ZADD', 'rq:scheduler:due_schedules', ARGV[3], id)
  redis.call('ZADD', 'rq:scheduler:schedules', 0, id)
  redis.call('ZADD', 'rq:scheduler:schedules:queue:default', 0, id)
end
