-- Reads one pending entry with its job.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id
-- returns  {due, {field, value, ...}} or {} when it is not pending
-- keeps    a read never writes
local prefix, id = ARGV[1], ARGV[2]
-- @include job_or_copy
local due = redis.call('ZSCORE', KEYS[1], id)
if not due then return {} end
return {due, job_or_copy(id)}
