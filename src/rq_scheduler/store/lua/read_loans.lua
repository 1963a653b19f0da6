-- Until when dispatchers have what they took, schedules that are due and runs that RQ itself has to enqueue: then it comes again,
-- unless it was done.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix
-- returns  {when the last of it comes again, in us, or 0}
-- keeps    a read never writes
local prefix = ARGV[1]
-- @include clock
-- @include schedule
-- @include via_rq
-- @include waits
local latest = now
for _, set in ipairs({unplanned, via_rq}) do
  local last = redis.pcall('ZRANGE', set, -1, -1, 'WITHSCORES')
  if not last.err and last[2] then latest = math.max(latest, math.min(now + LEASE, tonumber(last[2]))) end
end
return {latest > now and string.format('%.0f', math.ceil(latest * 1000000)) or '0'}
