-- For how long dispatchers have what they took, schedules that are due and runs that RQ itself has to enqueue: then it comes again,
-- unless it was done.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix
-- returns  {seconds until the last of it comes again}
-- keeps    a read never writes
local prefix = ARGV[1]
-- @include clock
-- @include schedule
-- @include via_rq
-- @include waits
local longest = 0
for _, set in ipairs({unplanned, via_rq}) do
  local last = redis.pcall('ZRANGE', set, -1, -1, 'WITHSCORES')
  if not last.err and last[2] then longest = math.max(longest, math.min(LEASE, tonumber(last[2]) - now)) end
end
return {string.format('%.6f', longest)}
