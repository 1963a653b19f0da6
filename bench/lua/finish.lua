-- Workers finish runs that are queued.
--
-- KEYS[1]  the queue (list)
-- ARGV     1 how many at most, 2 when, as RQ writes it
-- returns  how many it were
local runs = redis.call('LPOP', KEYS[1], ARGV[1]) or {}
for _, run in ipairs(runs) do
  redis.call('HSET', 'rq:job:' .. run, 'status', 'finished', 'started_at', ARGV[2], 'ended_at', ARGV[2])
end
return #runs
