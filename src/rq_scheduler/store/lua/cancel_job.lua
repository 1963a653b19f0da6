-- Takes a pending job out of the index, with its record when it recurs, or a run that RQ has to enqueue out of their set. The job stays
-- fetchable for a while. What is parked under the id goes at once.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 job key, 4 seconds to keep the job, 5 '1' when it is to be kept no longer than that: otherwise
--          only a job that would never expire gets them, 6 due as read (unix seconds), or '' for any, 7 who cancels it, or '',
--          8 '1' when that stands in the audit for a one-off too
-- returns  {'ok'}, {'parked'}: only that was there, and RQ's job of the id was not touched, or {'unknown'}: not pending (for that time),
--          and nothing was touched
-- keeps    a job that was handed off is not touched
local prefix, id, job_key, keep_for, at_most, due = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1', ARGV[6]
local actor, audits_one_offs = ARGV[7], ARGV[8] == '1'
-- @include clock
-- @include recurring
-- @include overlap
-- @include ending
-- @include parked
-- @include audit

local function answer(outcome, recurs)
  if outcome ~= 'unknown' and actor ~= '' and (recurs or audits_one_offs) then audit('cancelled', id, actor) end
  return {outcome}
end

-- A client library that sends the save again, since its reply was lost, must not bring it back.
local ECHO = 60
local was_parked = due == '' and due_of_parked(id)
if was_parked then
  local created_at = redis.pcall('HGET', planned_key(id), 'created_at')
  if type(created_at) == 'string' then redis.call('SET', prefix .. ':scheduler:saved:' .. id, created_at, 'EX', ECHO) end
  unpark(id)
end
local via_rq = prefix .. ':scheduler:via_rq'
local function is_due_then(set) return same_moment(redis.call('ZSCORE', set, id), due) end
if due ~= '' and not (is_due_then(KEYS[1]) or is_due_then(via_rq)) then return {'unknown'} end
if redis.call('ZREM', KEYS[1], id) + redis.call('ZREM', via_rq, id) == 0 then
  if redis.call('ZSCORE', prefix .. ':scheduler:buffered', id) then end_series(id, forget_schedule(id), keep_for, keep_for) end
  return answer(was_parked and 'parked' or 'unknown')
end
redis.call('ZREM', prefix .. ':scheduler:claims', id)
local queue = forget_schedule(id)
end_series(id, queue, keep_for, at_most and 0 or keep_for)
-- A run of a recurring job may be under way: its status is not ours. Writing it, even unchanged, tells a slow
-- hand-off that watches the job.
-- What is no hash is no job, and not ours either.
if redis.call('TYPE', job_key).ok ~= 'hash' then return answer('ok', queue) end
local status = redis.call('HGET', job_key, 'status')
if status then redis.call('HSET', job_key, 'status', status == 'scheduled' and 'canceled' or status) end
if at_most and redis.call('TTL', job_key) > tonumber(keep_for) then redis.call('EXPIRE', job_key, keep_for) end
if at_most and redis.call('ZSCORE', ended, id) then expect_it_back(id, job_key) end
return answer('ok', queue)
