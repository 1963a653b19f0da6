-- Counts entries by when they are due, those that are parked too.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, then the bounds of the stretches of time, in order (unix seconds)
-- returns  {number of those due from the first bound up to the second, not included, from that to the third, ...}
-- keeps    a read never writes
local prefix = ARGV[1]
-- @include parked
local counts = {}
for i = 2, #ARGV - 1 do
  local number = 0
  for _, set in ipairs({KEYS[1], parked_due}) do number = number + redis.call('ZCOUNT', set, ARGV[i], '(' .. ARGV[i + 1]) end
  counts[#counts + 1] = number
end
return counts
