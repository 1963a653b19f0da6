-- Reads what some workers listen on.
--
-- KEYS[1]  RQ's set of workers
-- ARGV     1 prefix, then members of that set
-- returns  {names of queues with commas between, ...} of those that are there and have not ended
-- keeps    a read never writes
local told = {}
for i = 2, #ARGV do
  local worker = redis.pcall('HMGET', ARGV[i], 'queues', 'death')
  if not worker.err and worker[1] and worker[1] ~= '' and not worker[2] then told[#told + 1] = worker[1] end
end
return told
