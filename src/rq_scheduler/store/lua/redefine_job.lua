-- Gives a recurring job of the 0.14 API another definition, and the time of its next run.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 rev as read, 4 due as read (unix seconds), 5 spec (JSON), 6 its new due (unix seconds),
--          7 armed ("nominal:due" in us, or '' where they are the same), 8 who changes it, 9 what changes, for the audit (JSON)
-- returns  {'ok'}, or with nothing written {'changed'}: the record or the entry is no longer what was read
-- keeps    a plan made for the old definition does not commit (the record takes a new rev)
local prefix, id, rev, due, spec, score, armed, actor, changes = unpack(ARGV)
local index = KEYS[1]
-- @include clock
-- @include recurring
-- @include wake
-- @include revision
-- @include audit
check_revisions()
local key = schedule_key(id)
if redis.call('HGET', key, 'kind') ~= 'job' or redis.call('HGET', key, 'rev') ~= rev
    or not same_moment(redis.call('ZSCORE', index, id), due) then
  return {'changed'}
end
redis.call('HSET', key, 'spec', spec, 'armed', armed, 'updated', now_us,
  'rev', redis.call('INCR', prefix .. ':scheduler:rev'))
local version = redis.call('HINCRBY', key, 'version', 1)
-- Writing the status, though unchanged, tells a slow hand-off that watches the job.
local job_key = prefix .. ':job:' .. id
local status = redis.pcall('HGET', job_key, 'status')
if type(status) == 'string' then redis.call('HSET', job_key, 'status', status) end
redis.call('ZADD', index, 'XX', score, id)
list_as_due(id, score)
have_planned(id, score)
wake_if_first(tonumber(score))
audit('changed', id, actor, 'version', version, 'changes', changes)
return {'ok'}
