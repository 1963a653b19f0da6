-- Moves a pending entry, or one that is parked, to another time.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 new due (unix seconds), 4 who moves it, or '', 5 '1' when that stands in the audit for a one-off too
-- returns  {'ok'} or {'unknown'}: not pending
-- keeps    what is sent again, and is where it has to be by then, stands in the audit once
--          a plan made for the old time does not commit (the record takes a new rev)
local prefix, id, score, actor, audits_one_offs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local index = KEYS[1]
-- @include clock
-- @include recurring
-- @include wake
-- @include revision
-- @include parked
-- @include audit
check_revisions()

local function answer(before, recurs)
  local told = actor ~= '' and (recurs or audits_one_offs) and tonumber(before) ~= tonumber(score)
  if told then audit('moved', id, actor, 'before', before, 'due', score) end
  return {'ok'}
end

local before = redis.call('ZSCORE', index, id)
if not before then
  before = due_of_parked(id)
  if not before then return {'unknown'} end
  redis.call('ZADD', parked_due, 'XX', score, id)
  return answer(before)
end
-- Writing the status, though unchanged, tells a slow hand-off that watches the job.
local job_key = prefix .. ':job:' .. id
local status = redis.pcall('HGET', job_key, 'status')
if type(status) == 'string' then redis.call('HSET', job_key, 'status', status) end
redis.call('ZADD', index, 'XX', score, id)
local recurs = redis.call('EXISTS', schedule_key(id)) == 1
if recurs then
  redis.pcall('ZADD', recurring_jobs, 'XX', score, id)
  if redis.pcall('HGET', schedule_key(id), 'kind') == 'job' then have_planned(id, score) end
  redis.call('HSET', schedule_key(id), 'rev', redis.call('INCR', prefix .. ':scheduler:rev'), 'updated', now_us)
end
wake_if_first(tonumber(score))
return answer(before, recurs)
