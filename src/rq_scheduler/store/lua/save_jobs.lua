-- Saves a batch of jobs and their entries, all or none: each replaces a pending entry of the same id.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 the entries (MessagePack): {{field, text, ...}, {field, length, ...}} that all of their jobs have, then for
--          each {id, job key, due (unix seconds), spec (JSON of a recurring job, or ''), runs left or '', armed ("nominal:due" in
--          us, or '' when they are one), {field, text, ...} and {field, length, ...} of this job alone}, 3 what is no ASCII, one
--          behind the other in the same order: the entries have the length of each
-- returns  {'ok'} , with {id, due} behind it for each recurring job of the same definition that would have run later; or with nothing written: {'taken', id} when that id belongs to a schedule,
--          {'foreign', key} when that key holds something that is no job
-- keeps    an id is pending at most once; a recurring job and its record appear and vanish together; a one-off whose id RQ has a live
--          job of waits until that has ended (see release_parked)
local prefix = ARGV[1]
local index = KEYS[1]
-- @include clock
-- @include wake
-- @include parked

local CHUNK = 1000
local entries, bytes, read = cmsgpack.unpack(ARGV[2]), ARGV[3], 0
local shared = table.remove(entries, 1)

local function take(length)
  read = read + length
  return length == #bytes and bytes or string.sub(bytes, read - length + 1, read) -- a large one is not copied
end

-- Texts, behind which come the others: those of which there are lengths.
local function all_of(texts, lengths)
  local length = #texts
  for i = 1, #lengths, 2 do
    texts[length + i], texts[length + i + 1] = lengths[i], take(lengths[i + 1])
  end
  return texts
end

-- The fields and values of a job: one list for all, of which each replaces the end behind what they share.
local line = all_of(unpack(shared))
local shares = #line
local function line_of(entry)
  if shares == 0 then return entry.own, #entry.own end
  for i, value in ipairs(entry.own) do line[shares + i] = value end
  return line, shares + #entry.own
end

local function set_fields(entry)
  local line, length = line_of(entry)
  for i = 1, length, CHUNK do redis.call('HSET', entry.key, unpack(line, i, math.min(i + CHUNK - 1, length))) end
end

local function field_of(entry, name)
  local line, length = line_of(entry)
  for i = 1, length, 2 do
    if line[i] == name then return line[i + 1] end
  end
end

-- A client library sends a script again when the reply was lost: within so many seconds. By then RQ may have run the job and
-- deleted it.
local ECHO = 60
local function vanishes(entry)
  if tonumber(entry.score) > now + ECHO then return false end
  for _, name in ipairs({'result_ttl', 'failure_ttl', 'ttl'}) do
    local seconds = tonumber(field_of(entry, name) or '')
    if seconds and seconds >= 0 and seconds <= ECHO then return true end
  end
  return false
end

-- Enters jobs that are written in the index.
local function enter(entries)
  local earliest = math.huge
  for first = 1, #entries, CHUNK / 2 do
    local scores = {}
    for i = first, math.min(first + CHUNK / 2 - 1, #entries) do
      local score = entries[i].score
      scores[#scores + 1], scores[#scores + 2] = score, entries[i].id
      earliest = math.min(earliest, tonumber(score))
    end
    redis.call('ZADD', index, unpack(scores))
  end
  wake_if_first(earliest)
  return {'ok'}
end

local keys, schedule_prefix, all_plain = {}, prefix .. ':scheduler:schedule:', true
for i, entry in ipairs(entries) do
  for part = 1, 6 do
    if type(entry[part]) == 'number' then entry[part] = take(entry[part]) end
  end
  entry.id, entry.key, entry.score, entry.spec, entry.runs_left, entry.armed = unpack(entry, 1, 6)
  entry.own = all_of(entry[7], entry[8])
  keys[2 * i - 1], keys[2 * i] = schedule_prefix .. entry.id, entry.key
  all_plain = all_plain and entry.spec == '' and not vanishes(entry)
end
keys[#keys + 1] = parked_due

local function is_any_there()
  for first = 1, #keys, CHUNK do
    if redis.call('EXISTS', unpack(keys, first, math.min(first + CHUNK - 1, #keys))) > 0 then return true end
  end
  return false
end

-- Marks the entries under whose id something is parked; says whether any is.
local function mark_parked()
  local any = false
  for first = 1, #entries, CHUNK do
    local ids = {}
    for i = first, math.min(first + CHUNK - 1, #entries) do ids[#ids + 1] = entries[i].id end
    local dues = redis.pcall('ZMSCORE', parked_due, unpack(ids))
    for i, due in ipairs(dues.err and {} or dues) do
      entries[first + i - 1].is_parked, any = due, any or due
    end
  end
  return any
end

redis.call('ZCARD', index) -- a key of a wrong type has to end the script before its first write
local none_is_there = not is_any_there()
if not none_is_there then
  keys[#keys] = nil -- of all that is parked, nearly always nothing matters
  none_is_there = not (mark_parked() or is_any_there())
end

-- Nearly always: one-offs, and nothing is there yet, nor in quarantine.
local quarantined = prefix .. ':scheduler:quarantine'
local none_is_held = redis.pcall('HLEN', quarantined) == 0
if none_is_there and none_is_held and all_plain then
  for _, entry in ipairs(entries) do set_fields(entry) end
  return enter(entries)
end

-- @include recurring
-- @include overlap
-- @include ending
-- @include live_job
-- @include revision

local function fields_of(entry)
  local line, length = line_of(entry)
  local fields = {}
  for i = 1, length, 2 do fields[line[i]] = line[i + 1] end
  return fields
end

-- What an earlier job of this id left, and the new one does not have.
local function remove_other_fields(entry)
  local wanted = fields_of(entry)
  for _, field in ipairs(redis.call('HKEYS', entry.key)) do
    if not wanted[field] then redis.call('HDEL', entry.key, field) end
  end
  redis.call('PERSIST', entry.key)
end

local function save_record(entry)
  local field = fields_of(entry)
  local key, result_ttl = schedule_key(entry.id), field.result_ttl or ''
  local queue = unlist_schedule(entry.id)
  if queue and queue ~= field.origin then leave_registries(entry.id, queue, A_YEAR) end
  redis.call('DEL', key)
  redis.call('HSET', key, 'kind', 'job', 'spec', entry.spec, 'rev', redis.call('INCR', prefix .. ':scheduler:rev'),
    'version', '1', 'created', now_us, 'updated', now_us, 'meta', field.meta or '',
    'created_at', field.created_at or '', 'result_ttl', result_ttl, 'retries', field.retries_left or '',
    'repeat', entry.runs_left, 'armed', entry.armed)
  if keeps_copy(result_ttl, field.ttl, field.failure_ttl) then redis.call('HSET', key, 'template', template_of(entry.key)) end
  list_schedule(entry.id, field.origin or '', entry.score)
  have_planned(entry.id, entry.score)
  redis.pcall('ZREM', prefix .. ':scheduler:buffered', entry.id)
end

-- As jobs replace a pending entry of their id, they replace one in quarantine: whoever schedules it anew has mended it.
local function replace_held(entry)
  local kept = quarantined .. ':' .. entry.id
  local queue = redis.pcall('HGET', kept, 'queue')
  if type(queue) == 'string' then let_traces_expire(entry.id, queue, A_YEAR) end
  redis.pcall('HDEL', quarantined, entry.id)
  redis.call('DEL', kept)
end

-- Saving a job once more that has been handed off would run it twice. The very same job (created_at has microseconds) that
-- has moved on is the echo of a script that was sent again.
local function saved_key(id) return prefix .. ':scheduler:saved:' .. id end

local function is_echo(entry)
  local created_at = field_of(entry, 'created_at')
  if entry.is_parked and redis.call('HGET', planned_key(entry.id), 'created_at') == created_at then return true end
  local known
  if entry.was_there then
    if redis.call('HGET', entry.key, 'status') == 'scheduled' and not entry.waits then return false end
    if entry.spec == '' and redis.call('ZSCORE', index, entry.id) then return false end
    known = redis.call('HGET', entry.key, 'created_at')
  elseif entry.was_schedule then
    known = redis.call('HGET', schedule_key(entry.id), 'created_at')
  elseif vanishes(entry) then
    known = redis.call('GET', saved_key(entry.id))
  end
  if entry.waits and known ~= created_at then known = redis.call('GET', saved_key(entry.id)) end
  return known and known == created_at
end

-- A recurring job that is defined anew (at each start of an application, say) while a run of it waits or goes on: the
-- id is in its queue, or with a worker, and has to be known to be.
local RUN_FIELDS = {'status', 'enqueued_at', 'started_at', 'last_heartbeat', 'worker_name'}

local function run_of(entry)
  if entry.spec == '' or not entry.was_there then return nil end
  local values = redis.call('HMGET', entry.key, unpack(RUN_FIELDS))
  if not LIVE[values[1]] then return nil end
  local fields = {}
  for i, value in ipairs(values) do
    fields[#fields + 1] = RUN_FIELDS[i]
    fields[#fields + 1] = value or ''
  end
  return fields
end

-- When the recurring job of the same definition that this one replaces was due, if that was later by what clocks of several
-- hosts do not differ by.
local A_SECOND = 1
local function later_due_of(entry)
  if entry.spec == '' or not (entry.was_schedule and entry.was_there) then return nil end
  local due = redis.call('ZSCORE', index, entry.id)
  if not due or tonumber(due) < math.max(tonumber(entry.score), now) + A_SECOND then return nil end
  if redis.call('HGET', schedule_key(entry.id), 'spec') ~= entry.spec then return nil end
  return redis.call('HGET', entry.key, 'data') == field_of(entry, 'data') and due
end

for _, entry in ipairs(entries) do
  if entry.spec ~= '' then check_revisions() end
  if not none_is_there then
    local kind = redis.call('HGET', schedule_key(entry.id), 'kind')
    if kind and kind ~= 'job' then return {'taken', entry.id} end
    entry.was_schedule = kind
    local type = redis.call('TYPE', entry.key).ok
    entry.was_there = type == 'hash'
    if type ~= 'hash' and type ~= 'none' then return {'foreign', entry.key} end
    entry.waits = entry.was_there and entry.spec == ''
      and may_be_live(entry.id, entry.key, redis.call('ZSCORE', index, entry.id))
    if entry.waits then
      for _, key in ipairs({parked_due, parked}) do redis.call('ZCARD', key) end
    end
  end
end

local news = {}
for _, entry in ipairs(entries) do
  if not is_echo(entry) then news[#news + 1] = entry end
end
if #news == 0 then return {'ok'} end

-- Writes a job beside the live one of its id. What was pending under the id is replaced.
local function park(entry)
  local live, look = redis.call('HMGET', entry.key, 'status', 'origin', 'worker_name'), string.format('%.6f', now + A_SECOND)
  entry.key = planned_key(entry.id)
  set_fields(entry)
  remove_other_fields(entry)
  note_live(entry.key, live, {})
  local is_first = redis.call('EXISTS', parked) == 0
  redis.call('ZADD', parked_due, entry.score, entry.id)
  redis.call('ZADD', parked, look, entry.id)
  if entry.was_schedule then end_series(entry.id, forget_schedule(entry.id), A_YEAR, A_YEAR) end
  redis.call('ZREM', index, entry.id)
  redis.call('ZREM', prefix .. ':scheduler:claims', entry.id)
  -- While something is parked, dispatchers look each second, and need not be told.
  if is_first then redis.pcall('PUBLISH', prefix .. ':scheduler:wakeup', look) end
end

-- Writes a job under its own key, in place of what stands there.
local function write(entry)
  local run, left = run_of(entry), entry.was_there and redis.call('HMGET', entry.key, 'status', 'origin') or {}
  if entry.was_schedule and entry.spec == '' then see_to_run(entry.id, left[1], left[2]) end
  set_fields(entry)
  if run then redis.call('HSET', entry.key, unpack(run)) end
  if entry.was_there then remove_other_fields(entry) end
  if entry.spec ~= '' then
    save_record(entry)
  elseif entry.was_schedule then
    let_traces_expire(entry.id, forget_schedule(entry.id), A_YEAR)
  elseif left[1] and left[1] ~= 'scheduled' then
    remove_traces(entry.id, left[2] or '')
  end
  if entry.is_parked then unpark(entry.id) end
end

local outcome, pending = {'ok'}, {}
for _, entry in ipairs(news) do
  local later = later_due_of(entry)
  if later then outcome[#outcome + 1] = {entry.id, later} end
  if entry.waits then
    park(entry)
  else
    write(entry)
    pending[#pending + 1] = entry
  end
  if vanishes(entry) then redis.call('SET', saved_key(entry.id), field_of(entry, 'created_at') or '', 'EX', ECHO) end
  if not none_is_held then replace_held(entry) end
end
enter(pending)
return outcome
