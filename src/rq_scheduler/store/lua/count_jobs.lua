-- Counts entries, those that are parked too.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 greatest due (unix seconds), or '' for all
-- returns  {number}
-- keeps    a read never writes
local prefix, max = ARGV[1], ARGV[2]
-- @include parked
if max == '' then return {redis.call('ZCARD', KEYS[1]) + redis.call('ZCARD', parked_due)} end
return {redis.call('ZCOUNT', KEYS[1], '-inf', max) + redis.call('ZCOUNT', parked_due, '-inf', max)}
