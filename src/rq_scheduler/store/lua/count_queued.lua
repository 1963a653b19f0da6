-- Counts the jobs that wait in queues.
--
-- KEYS[1]  RQ's set of queues
-- ARGV     1 prefix, then names of queues
-- returns  {jobs, ...} in the order given; -1 where a key is of another type
-- keeps    a read never writes
local counts = {}
for i = 2, #ARGV do
  local count = redis.pcall('LLEN', ARGV[1] .. ':queue:' .. ARGV[i])
  counts[i - 1] = type(count) == 'number' and count or -1
end
return counts
