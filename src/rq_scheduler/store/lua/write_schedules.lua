-- Creates or changes a batch of schedules, each only if it is still what it was read as, or supposed to be.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 '1' to show what stands there in the end, 3 the changes (MessagePack), a map for each: id, rev as read, or '' when
--          there was none, armed_as_read; where they change: armed ("nominal:due" in us, '' when it never fires again), due and
--          plan_at, when it is to be planned next (unix seconds, or ''), paused ('1' or '0') and note; of a pause: ends (us, or '') and
--          in_bulk, see pause_fields; of the end of one: resumed_at (us) where it was not now; of a new definition: spec
--          (JSON), func, call, queue, owner, tags (one a line), slow ('1' when RQ itself has to enqueue its runs), policy, retimed
--          (whether it has other instants than before), job (a list: field, value, ...), and for the audit changes (JSON) and restores,
--          the version whose definition it is again; where there is one: plan, and made_with;
--          where nothing was read: supposed_at, the moment (us) for which it was worked out, and defined, the spec before it got
--          an anchor, 4 the bytes that stand in them, 5 who writes
-- returns  {now in us, {field, ...} that a record may have, {outcome, rev, what show_schedules returns of it, if it is to be shown:
--          the job template where the caller cannot know it}, ...} in the order given; outcomes: ok; with nothing written: same (a
--          single one was supposed, and is there), changed (it is another than was read or supposed), pending (a one-off has the id),
--          held (one in quarantine has it), job (a recurring job of the 0.14 API has it), foreign (a key of it holds something else)
-- keeps    a rev is never used again; what a deleted schedule of the id has handed off is not handed off again
local prefix, shows, actor = ARGV[1], ARGV[2] == '1', ARGV[5]
local index = KEYS[1]
-- @include clock
-- @include schedule
-- @include shown
-- @include packed

local CHUNK = 1000

-- Whether the template holds these fields, whenever they were made.
local function has_job(entry)
  local names, length = {}, #entry.job / 2
  if length > CHUNK or redis.pcall('HLEN', template_key(entry.id)) ~= length then return false end
  for i = 1, length do names[i] = entry.job[2 * i - 1] end
  local stored = redis.call('HMGET', template_key(entry.id), unpack(names))
  for i, name in ipairs(names) do
    if stored[i] ~= entry.job[2 * i] and name ~= 'created_at' then return false end
  end
  return true
end

-- Whether this very definition is stored, byte for byte. An interval that was defined without an anchor has the one of its first put.
local function is_same(entry, record)
  local spec = record[SPEC] or ''
  return (spec == entry.defined or string.gsub(spec, '"anchor":"[^"]*"', '"anchor":null') == entry.defined)
    and record[TAGS] == entry.tags and (record[RUNS_AS] or '') ~= '' and has_job(entry)
end

-- What stands there in the end, with the job where that is not the one that was sent; nil where it has been refused.
local function seen(entry, outcome, record)
  if outcome == 'ok' then
    record = read_record(entry.id)
  elseif outcome ~= 'same' and outcome ~= 'changed' then
    return nil
  end
  local is_known = entry.spec and outcome ~= 'changed'
  return shown(entry.id, record, is_known and {} or read_job(template_key(entry.id)))
end

-- Nearly always at a deployment: one that is there, as it is defined. It does without what comes behind: making sixty functions takes Redis
-- a fifth of the time of all this.
local entries = unpack_maps(ARGV[3], ARGV[4])
local first = entries[1]
first.record = read_record(first.id)
if not entries[2] and first.supposed_at and first.record[KIND] == 'schedule' and is_same(first, first.record) then
  return {now_us, FIELDS, {'same', '', shows and seen(first, 'same', first.record) or nil}}
end

-- @include runs_as
-- @include wake
-- @include parked
-- @include versions
-- @include audit
-- @include audit_writes
-- @include tally

local PLAN_LEAD = 60
local MAX_AGE = 1000000 -- us: what was worked out without a read is written so much later at most
local scheduled_jobs = prefix .. ':scheduler:scheduled_jobs'

-- What all schedules share: a key of a wrong type has to end the script before its first write.
local any_held
local function check_shared()
  for _, key in ipairs({index, schedules, paused_schedules, buffered_schedules, to_plan, unplanned, pause_ends, expected,
    schedules .. ':failing', schedules .. ':late'}) do redis.call('ZCARD', key) end
  any_held = redis.call('HLEN', prefix .. ':scheduler:quarantine') > 0
end

-- Why it is not written, or nil.
local function refusal(entry, record)
  if record.err then return 'foreign' end
  local kind = record[KIND]
  if any_held == nil then check_shared() end
  for _, key in ipairs({template_key(entry.id), tombstone_key(entry.id)}) do
    if type(redis.pcall('HLEN', key)) ~= 'number' then return 'foreign' end
  end
  for _, key in ipairs(lists_of(entry.owner, entry.queue, entry.tags)) do
    if type(redis.pcall('ZCARD', key)) ~= 'number' then return 'foreign' end
  end
  if kind == 'job' then return 'job' end
  if not kind and (redis.call('ZSCORE', scheduled_jobs, entry.id) or due_of_parked(entry.id)) then return 'pending' end
  if not kind and any_held and is_held_elsewhere(entry.id) then return 'held' end
  if (record[REV] or '') ~= entry.rev then return 'changed' end
  local age = tonumber(now_us) - tonumber(entry.supposed_at or now_us)
  if age < 0 or age > MAX_AGE then return 'changed' end
  -- A fire arms the next instant and changes no rev: what was worked out from the one before must not undo that.
  if entry.armed and (record[ARMED] or '') ~= entry.armed_as_read then return 'changed' end
end

local function list_anew(entry, record)
  for _, list in ipairs(lists_of(record[OWNER], record[QUEUE], record[TAGS])) do
    redis.call('ZREM', list, entry.id)
  end
  redis.call('ZADD', schedules, 0, entry.id)
  for _, list in ipairs(lists_of(entry.owner, entry.queue, entry.tags)) do redis.call('ZADD', list, 0, entry.id) end
end

-- The version of what is written: one of a deleted schedule of this id is not used again.
local function next_version(entry, record)
  local last = record[VERSION]
  if entry.rev == '' then
    local deleted = read_versions(entry.id, 1)[1]
    if deleted then keep_again(entry.id) end
    last = deleted and deleted[1]
  end
  return string.format('%d', (tonumber(last or '') or 0) + 1)
end

-- What the record of a new one begins with: how far a deleted schedule of this id had come, if one was. What would be empty has no field,
-- which takes fifty bytes.
local function beginning(entry)
  local left = redis.call('HMGET', tombstone_key(entry.id), 'mark', 'backfilled', 'manual')
  redis.call('DEL', tombstone_key(entry.id), buffer_key(entry.id), history_key(entry.id))
  local fields = {'created', now_us}
  for i, name in ipairs({'mark', 'backfilled', 'manual'}) do
    if left[i] then fields[#fields + 1], fields[#fields + 2] = name, left[i] end
  end
  return fields, left[1]
end

local function write_job(entry)
  redis.call('DEL', template_key(entry.id))
  for i = 1, #entry.job, CHUNK do
    redis.call('HSET', template_key(entry.id), unpack(entry.job, i, math.min(i + CHUNK - 1, #entry.job)))
  end
end

-- What the record says of the definition. What a fire needs to know of the job stands among it: see runs.lua.
local function definition(entry)
  local job = {}
  for i = 1, #entry.job, 2 do job[entry.job[i]] = entry.job[i + 1] end
  return {'kind', 'schedule', 'spec', entry.spec, 'func', entry.func, 'call', entry.call, 'queue', entry.queue, 'owner', entry.owner,
    'tags', entry.tags, 'slow', entry.slow, 'policy', entry.policy, 'updated', now_us,
    'version', entry.version, 'by', actor,
    'runs_as', runs_as(entry.queue, job.timeout, job.ttl, job.enqueue_at_front, entry.slow, job.result_ttl),
    'size', #(job.data or '')}
end

-- Of a pause that goes on, when it began stays.
local function pause(entry, record)
  local began = record[PAUSED] == '1' and record[PAUSED_AT] or now_us
  return {pause_fields(began, entry.note, actor, entry.ends, entry.in_bulk and '1' or '')}
end

local function resume(entry, record)
  if not record[KIND] then return {'paused', '0', 'note', entry.note} end
  local fields = {'paused', '0', 'note', entry.note, 'paused_until', '', 'paused_in_bulk', ''}
  if record[PAUSED] == '1' then fields[#fields + 1], fields[#fields + 2] = 'resumed_at', entry.resumed_at or now_us end
  return fields
end

-- Takes a paused one out of all that fires, until its pause ends by itself.
local function leave_indexes(id, ends)
  redis.call('ZADD', paused_schedules, 0, id)
  for _, set in ipairs({index, buffered_schedules, to_plan, pause_ends}) do redis.call('ZREM', set, id) end
  if not tonumber(ends or '') then return end
  redis.call('ZADD', pause_ends, score_of(ends), id)
  wake_if_first(tonumber(score_of(ends)))
end

-- Without a plan, Python is needed a minute before it is due.
local function plan_later(entry, record)
  local plan_at = entry.plan_at or ''
  if not entry.plan and not entry.armed then
    local due = tonumber(string.match(record[ARMED] or '', ':(.*)$') or '')
    plan_at = due and string.format('%.6f', due / 1000000 - PLAN_LEAD) or ''
  end
  if plan_at == '' then redis.call('ZREM', to_plan, entry.id) else redis.call('ZADD', to_plan, plan_at, entry.id) end
end

-- Failures in a row are counted anew from a resume on.
local function begin_row_anew(id, set)
  local ends = tally.begun_anew(redis.call('HGET', schedule_key(id), 'ends'), tonumber(now_us))
  if ends then set({'ends', ends}) end
  redis.call('ZREM', schedules .. ':failing', id)
end

-- By when a run has to have succeeded: `expect` after the armed instant, where that is another now, or nothing was expected before. While
-- it is paused, nothing is.
local function expect_success(entry, record, is_paused)
  local id, key = entry.id, schedule_key(entry.id)
  if entry.spec and record[KIND] and not entry.expect then redis.call('HDEL', key, 'expect') end
  local expect = entry.expect or (not entry.spec and redis.call('HGET', key, 'expect'))
  if is_paused or not expect then
    if redis.call('ZREM', expected, id) + redis.call('ZREM', schedules .. ':late', id) > 0 then redis.call('HDEL', key, 'overdue_since') end
    return
  end
  local nominal = tonumber(string.match(entry.armed or record[ARMED] or '', '^(%-?%d+):') or '')
  if nominal and (entry.armed or not redis.call('ZSCORE', schedules .. ':late', id)) then
    redis.call('ZADD', expected, string.format('%.6f', (nominal + expect) / 1000000), id)
  end
end

local function write(entry, record)
  local rev = redis.call('INCR', prefix .. ':scheduler:rev')
  local fields, mark, paused, ends = {'rev', rev}, record[MARK], record[PAUSED], record[PAUSED_UNTIL]
  local function set(values)
    for _, value in ipairs(values) do fields[#fields + 1] = value end
  end
  local earlier = entry.spec and entry.rev ~= '' and version_of(entry.id, now_us)
  if entry.spec then
    entry.version = next_version(entry, record)
    list_anew(entry, record)
    if entry.rev == '' then
      local begun
      begun, mark = beginning(entry)
      set(begun)
    end
    set(definition(entry))
    write_job(entry)
    -- The stretches were covered for other instants.
    if entry.retimed then set({'backfilled', ''}) end
  end
  -- A mark in the future is the trace of a clock that was wrong: nothing would run until then.
  if (tonumber(mark or '') or 0) > tonumber(now_us) then set({'mark', now_us}) end
  if entry.paused then
    paused, ends = entry.paused, entry.ends
    set(paused == '1' and pause(entry, record) or resume(entry, record))
    if paused == '0' then begin_row_anew(entry.id, set) end
  end
  if entry.armed then set({'armed', entry.armed}) end
  if entry.plan then set({'plan', entry.plan, 'plan_rev', rev, 'made_with', entry.made_with}) end
  if entry.spec and entry.keep_runs then set({'keep_runs', entry.keep_runs}) end
  if entry.spec and entry.expect then set({'expect', entry.expect}) end
  redis.call('HSET', schedule_key(entry.id), unpack(fields))
  if entry.spec and record[KIND] and not entry.keep_runs then redis.call('HDEL', schedule_key(entry.id), 'keep_runs') end
  expect_success(entry, record, paused == '1')
  if earlier then keep_version(entry.id, earlier) end
  if entry.rev ~= '' then redis.call('ZREM', unplanned, entry.id) end
  if paused == '1' then
    leave_indexes(entry.id, ends)
    return rev
  end
  plan_later(entry, record)
  redis.call('ZREM', paused_schedules, entry.id)
  if record[PAUSED] == '1' then redis.call('ZREM', pause_ends, entry.id) end
  if any_held then leave_quarantine(entry.id) end
  -- What it remembers, and runs that were to make way, want to be looked at.
  if entry.rev ~= '' and (redis.call('EXISTS', buffer_key(entry.id)) == 1 or (record[STOPPING] or '') ~= '') then
    redis.call('ZADD', buffered_schedules, now_score, entry.id)
  end
  if entry.armed == '' then
    redis.call('ZREM', index, entry.id)
  elseif entry.armed then
    redis.call('ZADD', index, entry.due, entry.id)
    wake_if_first(tonumber(entry.due))
  end
  return rev
end

local reply = {now_us, FIELDS}
for _, entry in ipairs(entries) do
  local record = entry.record or read_record(entry.id)
  local outcome = refusal(entry, record) or 'ok'
  local rev = outcome == 'ok' and tostring(write(entry, record)) or ''
  if outcome == 'ok' then audit_write(entry, record) end
  reply[#reply + 1] = {outcome, rev, shows and seen(entry, outcome, record) or nil}
end
return reply
