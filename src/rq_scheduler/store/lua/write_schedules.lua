-- Creates or changes a batch of schedules, each only if nobody has changed it since it was read.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, then for each schedule: id, rev as read, or '' when there was none, spec (JSON) or '' to keep definition and
--          job, armed ("nominal:due" in us, '' when it never fires again) or 'keep', armed as read, its due (unix seconds) or '',
--          '1' when it has other instants than before, paused ('1', '0' or 'keep'), note, its function, its call, its queue, its
--          owner, its tags (one a line), '1' when RQ itself has to enqueue its runs, its policy, its plan or '', what that was made
--          with, when it is to be planned next (unix seconds) or '', number of job fields, field, value, ...
-- returns  {now in us, outcome, rev, ...} in the order given; outcomes: ok; with nothing written: changed, pending (a one-off has
--          the id), held (one in quarantine has it), job (a recurring job of the 0.14 API has it), foreign (a key of it holds something else)
-- keeps    a rev is never used again; what a deleted schedule of the id has handed off is not handed off again
local prefix = ARGV[1]
local index = KEYS[1]
-- @include clock
-- @include schedule
-- @include runs_as
-- @include wake

local CHUNK, PLAN_LEAD = 1000, 60
local NAMES = {'id', 'rev', 'spec', 'armed', 'armed_as_read', 'due', 'retimed', 'paused', 'note', 'func', 'call', 'queue',
  'owner', 'tags', 'slow', 'policy', 'plan', 'made_with', 'plan_at'}
local scheduled_jobs = prefix .. ':scheduler:scheduled_jobs'

-- What all schedules share: a key of a wrong type has to end the script before its first write.
for _, key in ipairs({index, schedules, paused_schedules, buffered_schedules, to_plan, unplanned}) do redis.call('ZCARD', key) end
redis.call('HLEN', prefix .. ':scheduler:quarantine')

local function holds(wanted, key)
  local type = redis.call('TYPE', key).ok
  return type == wanted or type == 'none'
end

local function refusal(entry)
  for _, key in ipairs({schedule_key(entry.id), template_key(entry.id), tombstone_key(entry.id)}) do
    if not holds('hash', key) then return 'foreign' end
  end
  for _, key in ipairs(lists_of(entry.owner, entry.queue, entry.tags)) do
    if not holds('zset', key) then return 'foreign' end
  end
  local kind = redis.call('HGET', schedule_key(entry.id), 'kind')
  if kind == 'job' then return 'job' end
  if not kind and redis.call('ZSCORE', scheduled_jobs, entry.id) then return 'pending' end
  if not kind and is_held_elsewhere(entry.id) then return 'held' end
  local read = redis.call('HMGET', schedule_key(entry.id), 'rev', 'armed')
  if (read[1] or '') ~= entry.rev then return 'changed' end
  -- A fire arms the next instant and changes no rev: what was worked out from the one before must not undo that.
  if entry.armed ~= 'keep' and (read[2] or '') ~= entry.armed_as_read then return 'changed' end
end

local function list_anew(entry)
  local old = redis.call('HMGET', schedule_key(entry.id), 'owner', 'queue', 'tags')
  for _, list in ipairs(lists_of(old[1], old[2], old[3])) do redis.call('ZREM', list, entry.id) end
  redis.call('ZADD', schedules, 0, entry.id)
  for _, list in ipairs(lists_of(entry.owner, entry.queue, entry.tags)) do redis.call('ZADD', list, 0, entry.id) end
end

-- How far a deleted schedule of this id had come.
local function take_up(entry)
  local left = redis.call('HMGET', tombstone_key(entry.id), 'mark', 'backfilled', 'manual')
  redis.call('HSET', schedule_key(entry.id), 'mark', left[1] or '', 'backfilled', left[2] or '', 'manual', left[3] or '0',
    'created', now_us, 'runs', '0')
  redis.call('DEL', tombstone_key(entry.id), buffer_key(entry.id), history_key(entry.id))
end

local function write_definition(entry)
  local key, template = schedule_key(entry.id), template_key(entry.id)
  redis.call('HSET', key, 'kind', 'schedule', 'spec', entry.spec, 'func', entry.func, 'call', entry.call,
    'queue', entry.queue, 'owner', entry.owner, 'tags', entry.tags, 'slow', entry.slow, 'policy', entry.policy, 'updated', now_us)
  redis.call('HINCRBY', key, 'version', 1)
  redis.call('DEL', template)
  for i = entry.first, entry.last, CHUNK do
    redis.call('HSET', template, unpack(ARGV, i, math.min(i + CHUNK - 1, entry.last)))
  end
  -- What a fire needs to know of the job stands in the record, which it reads anyway: see runs.lua.
  local job = redis.call('HMGET', template, 'timeout', 'ttl', 'enqueue_at_front', 'failure_ttl')
  redis.call('HSET', key, 'runs_as', runs_as(entry.queue, job[1], job[2], job[3], entry.slow), 'failure_ttl', job[4] or '',
    'size', redis.call('HSTRLEN', template, 'data'))
end

-- A mark in the future is the trace of a clock that was wrong: nothing would run until then.
local function lower_mark(key)
  local mark = tonumber(redis.call('HGET', key, 'mark') or '')
  if mark and mark > tonumber(now_us) then redis.call('HSET', key, 'mark', now_us) end
end

-- Without a plan, Python is needed a minute before it is due.
local function plan_later(entry, key, rev)
  local plan_at = entry.plan_at
  if entry.plan ~= '' then
    redis.call('HSET', key, 'plan', entry.plan, 'plan_rev', rev, 'made_with', entry.made_with)
  elseif entry.armed == 'keep' then
    local due = tonumber(string.match(redis.call('HGET', key, 'armed') or '', ':(.*)$') or '')
    plan_at = due and string.format('%.6f', due / 1000000 - PLAN_LEAD) or ''
  end
  if plan_at == '' then redis.call('ZREM', to_plan, entry.id) else redis.call('ZADD', to_plan, plan_at, entry.id) end
end

local function write(entry)
  local key = schedule_key(entry.id)
  local rev = redis.call('INCR', prefix .. ':scheduler:rev')
  if entry.spec ~= '' then
    list_anew(entry)
    if entry.rev == '' then take_up(entry) end
    write_definition(entry)
    -- The stretches were covered for other instants.
    if entry.retimed == '1' then redis.call('HSET', key, 'backfilled', '') end
  end
  redis.call('HSET', key, 'rev', rev)
  lower_mark(key)
  if entry.paused ~= 'keep' then
    redis.call('HSET', key, 'paused', entry.paused, 'note', entry.note, 'failures', '0')
  end
  if entry.armed ~= 'keep' then redis.call('HSET', key, 'armed', entry.armed) end
  if entry.rev ~= '' then redis.call('ZREM', unplanned, entry.id) end
  if redis.call('HGET', key, 'paused') == '1' then
    redis.call('ZADD', paused_schedules, 0, entry.id)
    for _, set in ipairs({index, buffered_schedules, to_plan}) do redis.call('ZREM', set, entry.id) end
    return rev
  end
  plan_later(entry, key, rev)
  redis.call('ZREM', paused_schedules, entry.id)
  leave_quarantine(entry.id)
  -- What it remembers, and runs that were to make way, want to be looked at.
  if redis.call('EXISTS', buffer_key(entry.id)) == 1 or (redis.call('HGET', key, 'stopping') or '') ~= '' then
    redis.call('ZADD', buffered_schedules, now_score, entry.id)
  end
  if entry.armed == '' then
    redis.call('ZREM', index, entry.id)
  elseif entry.armed ~= 'keep' then
    redis.call('ZADD', index, entry.due, entry.id)
    wake_if_first(tonumber(entry.due))
  end
  return rev
end

local reply, position = {now_us}, 2
while position <= #ARGV do
  local entry = {}
  for i, name in ipairs(NAMES) do entry[name] = ARGV[position + i - 1] end
  entry.first = position + #NAMES + 1
  entry.last = entry.first - 1 + 2 * tonumber(ARGV[position + #NAMES])
  position = entry.last + 1
  local refused = refusal(entry)
  reply[#reply + 1] = refused or 'ok'
  reply[#reply + 1] = refused and '' or tostring(write(entry))
end
return reply
