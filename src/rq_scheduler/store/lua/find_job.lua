-- Says when one entry is due, and whether it is pending or parked.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id
-- returns  {due, '1' when it is parked, else '0'} or {} when it is neither pending nor parked
-- keeps    a read never writes
local prefix, id = ARGV[1], ARGV[2]
-- @include parked
local due = redis.call('ZSCORE', KEYS[1], id)
if due then return {due, '0'} end
due = due_of_parked(id)
return due and {due, '1'} or {}
