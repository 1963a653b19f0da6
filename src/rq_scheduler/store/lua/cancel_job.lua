-- Takes a pending job out of the index, with its record when it recurs. The job stays fetchable for a while.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 job key, 4 seconds to keep a job that would never expire
-- returns  {'ok'} or {'unknown'}: not pending, and nothing was touched
-- keeps    a job that was handed off is not touched
local prefix, id, job_key, keep_for = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- @include recurring
if redis.call('ZREM', KEYS[1], id) == 0 then
  if redis.call('ZSCORE', prefix .. ':scheduler:buffered', id) then forget_schedule(id) end
  return {'unknown'}
end
forget_schedule(id)
-- A run of a recurring job may be under way: its status is not ours. Writing it, even unchanged, tells a slow
-- hand-off that watches the job.
-- What is no hash is no job, and not ours either.
if redis.call('TYPE', job_key).ok ~= 'hash' then return {'ok'} end
local status = redis.call('HGET', job_key, 'status')
if status then redis.call('HSET', job_key, 'status', status == 'scheduled' and 'canceled' or status) end
if redis.call('TTL', job_key) == -1 then redis.call('EXPIRE', job_key, keep_for) end
return {'ok'}
