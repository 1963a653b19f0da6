-- Reads one pending entry, or one that is parked, with its job.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id
-- returns  {due, {field, value, ...}} or {} when it is not pending
-- keeps    a read never writes
local prefix, id = ARGV[1], ARGV[2]
-- @include job_or_copy
-- @include parked
local due = redis.call('ZSCORE', KEYS[1], id)
if due then return {due, job_or_copy(id)} end
due = due_of_parked(id)
return due and {due, planned_job(id)} or {}
