-- Drops the record of a job that no longer recurs: what is left in the index is a one-off, and the last run.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 rev as read
-- returns  {'ok'} or {'changed'}
-- keeps    a record that was written meanwhile stays
local prefix, id, rev = ARGV[1], ARGV[2], ARGV[3]
-- @include clock
-- @include recurring
-- @include overlap
-- @include ending
if redis.call('HGET', schedule_key(id), 'rev') ~= rev then return {'changed'} end
local queue = forget_schedule(id)
if queue then
  limit_last_run(prefix .. ':job:' .. id)
  let_traces_expire(id, queue, A_YEAR)
end
return {'ok'}
