-- Counts entries; those that are parked too, and runs of schedules that RQ itself has to enqueue, which have been due.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 greatest due (unix seconds), or '' for all
-- returns  {number}
-- keeps    a read never writes
local prefix, max = ARGV[1], ARGV[2]
-- @include parked
-- Whoever takes a run has it for two seconds: for so long its score lies ahead.
local longest = max == '' and '+inf' or string.format('%.6f', tonumber(max) + 2)
if max == '' then max = '+inf' end
local via_rq = redis.pcall('ZCOUNT', prefix .. ':scheduler:via_rq', '-inf', longest)
return {redis.call('ZCOUNT', KEYS[1], '-inf', max) + redis.call('ZCOUNT', parked_due, '-inf', max) + (tonumber(via_rq) or 0)}
