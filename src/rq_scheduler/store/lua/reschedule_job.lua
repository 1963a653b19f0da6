-- Moves a pending entry, or one that is parked, to another time.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 new due (unix seconds)
-- returns  {'ok'} or {'unknown'}: not pending
-- keeps    a plan made for the old time does not commit (the record takes a new rev)
local prefix, id, score = ARGV[1], ARGV[2], ARGV[3]
local index = KEYS[1]
-- @include clock
-- @include recurring
-- @include wake
-- @include revision
-- @include parked
check_revisions()
if not redis.call('ZSCORE', index, id) then
  if not due_of_parked(id) then return {'unknown'} end
  redis.call('ZADD', parked_due, 'XX', score, id)
  return {'ok'}
end
-- Writing the status, though unchanged, tells a slow hand-off that watches the job.
local job_key = prefix .. ':job:' .. id
local status = redis.pcall('HGET', job_key, 'status')
if type(status) == 'string' then redis.call('HSET', job_key, 'status', status) end
redis.call('ZADD', index, 'XX', score, id)
if redis.call('EXISTS', schedule_key(id)) == 1 then
  redis.pcall('ZADD', recurring_jobs, 'XX', score, id)
  redis.call('HSET', schedule_key(id), 'rev', redis.call('INCR', prefix .. ':scheduler:rev'), 'updated', now_us)
end
wake_if_first(tonumber(score))
return {'ok'}
