-- Commits a batch of planned fires of recurring jobs, each only if nothing has changed since it was read: hands the
-- run to its queue and arms the next one, as one step. A dispatcher that lost the race, or slept, changes nothing.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds: here the nominal time)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 RQ's default timeout,
--          6 '1' when every job takes the slow path, then 15 for each fire: id, rev, due as read, not before (us), valid until (us or ''), nominal (us, or ''
--          when nothing runs), next due or '' when there is none, its armed
--          ("nominal:due" in us, or ''), '1' when this run is the last, missed, history line of the missed or '',
--          new meta or '', what the queue's lists say ('', 'gone', 'there'), source ('index' or 'buffered'),
--          overlap ('skip' or 'buffer_one')
-- returns  {'ok', now in us, outcome, queue, outcome, queue, ...} in the order given; outcomes: fired, skipped, buffered,
--          waiting, advanced, deleted, stale, early, changed, verify, slow, broken
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each (schedule, nominal time) is handed off at most once; a stale plan does not commit
local prefix, fence_key, fence_token, fence_ttl, default_timeout = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local all_slow = ARGV[6] == '1'
local index = KEYS[1]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include entry
-- @include events
-- @include quarantine
-- @include recurring
-- @include keeping
-- @include revision
-- @include overlap
-- @include ending

local SECOND = 1000000
local HISTORY_LENGTH = 50
local buffered = prefix .. ':scheduler:buffered'
local us = tonumber(now_us)
local RECORD_FIELDS = {'rev', 'meta', 'created_at', 'template', 'skips_in_a_row', 'looked_up_at', 'buffered',
  'retries', 'repeat'}

local function read_record(id)
  local values = redis.pcall('HMGET', schedule_key(id), unpack(RECORD_FIELDS))
  if values.err then return {} end
  return {rev = values[1], meta = values[2], created_at = values[3], template = values[4],
    skips = tonumber(values[5] or '') or 0, looked_up_at = tonumber(values[6] or '') or 0, buffered = values[7],
    retries = values[8], runs_left = values[9]}
end

-- The job as the copy in the record has it, for one whose hash has expired.
local function entry_from_copy(id, record)
  local template, field = cmsgpack.unpack(record.template), {}
  for i = 1, #template, 2 do field[template[i]] = template[i + 1] end
  return {kind = 'ready', key = prefix .. ':job:' .. id, status = false, origin = field.origin,
    timeout = field.timeout, ttl = tonumber(field.ttl or ''), meta = record.meta, at_front = field.enqueue_at_front,
    template = template, depends = filled(field.dependency_ids) or filled(field.dependency_id),
    rate_limited = filled(field.rate_limit_key)}
end

local function decide(fire)
  local record = read_record(fire.id)
  fire.record = record
  local source = fire.buffered_source and buffered or index
  local due = redis.call('ZSCORE', source, fire.id)
  if record.rev ~= fire.rev or not same_moment(due, fire.due) then return 'stale' end
  if us < tonumber(fire.not_before) then return 'early' end
  if fire.valid_until ~= '' and us >= tonumber(fire.valid_until) then return 'stale' end

  local entry = read_entry(fire.id)
  if entry.gone then
    if not record.template then return 'deleted' end
    entry = entry_from_copy(fire.id, record)
  elseif entry.kind ~= 'broken' then
    local created_at = redis.call('HGET', entry.key, 'created_at')
    local says_so = filled(entry.meta) or filled(created_at)
    if says_so and ((entry.meta or '') ~= (record.meta or '') or (created_at or '') ~= (record.created_at or '')) then
      return 'changed'
    end
  end
  fire.entry = entry
  if entry.kind == 'broken' then return 'broken' end
  if fire.nominal == '' then return 'advanced' end
  if not filled(entry.origin) then
    entry.reason = 'its job names no queue (the field origin is empty)'
    return 'broken'
  end
  if not is_queue(entry.origin) then
    entry.reason = 'the key ' .. prefix .. ':queue:' .. entry.origin .. ' is not the list of a queue'
    return 'broken'
  end

  if is_going(fire.id, entry.status, entry.origin, fire.looked_up) then
    if entry.status == 'queued' and (record.skips > 0 or fire.buffered_source) and fire.looked_up == ''
        and us - record.looked_up_at >= 60 * SECOND then
      return 'verify'
    end
    if fire.buffered_source then return 'waiting' end
    if fire.overlap == 'buffer_one' and not record.buffered then return 'buffered' end
    return 'skipped'
  end
  if all_slow or entry.depends or entry.rate_limited or names(entry.meta, 'queue_class_name') then return 'slow' end
  return 'fired'
end

-- A schedule ends with its last run, or when its trigger has no further instant and it remembers no run.
local function ends(fire)
  if fire.outcome == 'fired' and fire.last then return true end
  if fire.outcome == 'buffered' then return false end
  if fire.buffered_source then return not redis.call('ZSCORE', index, fire.id) end
  return fire.next == '' and not (fire.record.buffered and fire.record.buffered ~= '')
end

local function queue_job(fire)
  local entry, key = fire.entry, fire.entry.key
  if entry.template then
    for first = 1, #entry.template, CHUNK do
      redis.call('HSET', key, unpack(entry.template, first, math.min(first + CHUNK - 1, #entry.template)))
    end
  end
  local fields = {'status', 'queued', 'enqueued_at', enqueued_at, 'started_at', '', 'ended_at', '',
    'last_heartbeat', '', 'worker_name', ''}
  local function set(field, value) fields[#fields + 1] = field; fields[#fields + 1] = value end
  if not filled(entry.timeout) then set('timeout', default_timeout) end
  if fire.meta ~= '' then set('meta', fire.meta) end
  if filled(fire.record.retries) then set('retries_left', fire.record.retries) end
  redis.call('HSET', key, unpack(fields))
  redis.call('HDEL', key, 'result', 'exc_info', 'number_of_retries')
  if entry.ttl and entry.ttl > 0 then expire_job(fire.id, entry.ttl) else redis.call('PERSIST', key) end
  if ends(fire) then limit_last_run(key) end
  for _, registry in ipairs({'finished', 'failed', 'canceled', 'deferred'}) do
    redis.pcall('ZREM', prefix .. ':' .. registry .. ':' .. entry.origin, fire.id) -- of a wrong type, it names no job
  end
  remove_dead_executions(fire.id, entry.origin)
  push_later(entry.origin, fire.id, wants_front(entry.at_front))
end

-- Takes the committed instant out of the index, or puts the next one in its place.
local function rearm(fire)
  if fire.buffered_source then redis.call('ZREM', buffered, fire.id) end
  if fire.next == '' or (fire.outcome == 'fired' and fire.last) then
    if not fire.buffered_source or fire.last then redis.call('ZREM', index, fire.id) end
  elseif not fire.buffered_source then
    redis.call('ZADD', index, 'XX', fire.next, fire.id)
    fire.is_armed = true
  end
end

local function write_state(fire, outcome)
  local key = schedule_key(fire.id)
  if outcome == 'deleted' or ends(fire) then
    local queue = forget_schedule(fire.id)
    if outcome == 'fired' then let_traces_expire(fire.id, queue, A_YEAR) else end_series(fire.id, queue, A_YEAR, A_YEAR) end
    return
  end
  local state = {'mark', fire.nominal}
  local function set(field, value) state[#state + 1] = field; state[#state + 1] = value end
  if outcome == 'fired' then
    set('last_run_at', now_us); set('skips_in_a_row', '0')
    redis.pcall('HINCRBY', key, 'runs', 1)
    if fire.meta ~= '' then
      set('meta', fire.meta)
      redis.pcall('HDEL', key, 'last_meta')
    end
    if filled(fire.record.runs_left) then
      -- A plan that counted with the old number must not commit.
      redis.pcall('HINCRBY', key, 'repeat', -1)
      set('rev', redis.call('INCR', prefix .. ':scheduler:rev'))
    end
    if fire.buffered_source then redis.pcall('HDEL', key, 'buffered') end
  elseif outcome == 'skipped' then
    redis.pcall('HINCRBY', key, 'skipped', 1)
    redis.pcall('HINCRBY', key, 'skips_in_a_row', 1)
  elseif outcome == 'buffered' then
    set('buffered', fire.nominal)
  end
  if fire.looked_up == 'there' then set('looked_up_at', now_us) end
  if fire.nominal ~= '' then redis.pcall('HSET', key, unpack(state)) end
  if not fire.buffered_source then redis.pcall('HSET', key, 'armed', fire.armed) end
  if fire.is_armed then list_as_due(fire.id, fire.next) end
  if fire.missed ~= '0' then redis.pcall('HINCRBY', key, 'missed', fire.missed) end

  local history = prefix .. ':scheduler:history:' .. fire.id
  if fire.missed_line ~= '' then redis.pcall('LPUSH', history, fire.missed_line .. ' ' .. now_us) end
  if outcome == 'fired' or outcome == 'skipped' then
    redis.pcall('LPUSH', history, table.concat({outcome == 'fired' and 'enqueued' or outcome, fire.nominal,
      fire.not_before, now_us, fire.id}, ' '))
  end
  redis.pcall('LTRIM', history, 0, HISTORY_LENGTH - 1)
end

local fires = {}
for i = 7, #ARGV, 15 do
  fires[#fires + 1] = {id = ARGV[i], rev = ARGV[i + 1], due = ARGV[i + 2], not_before = ARGV[i + 3],
    valid_until = ARGV[i + 4], nominal = ARGV[i + 5], next = ARGV[i + 6], armed = ARGV[i + 7],
    last = ARGV[i + 8] == '1', missed = ARGV[i + 9], missed_line = ARGV[i + 10], meta = ARGV[i + 11],
    looked_up = ARGV[i + 12], buffered_source = ARGV[i + 13] == 'buffered', overlap = ARGV[i + 14]}
end

-- What all share: a key of a wrong type has to end the script before its first write.
check_revisions()
redis.call('ZCARD', buffered)

local by_queue, decided, reply = {}, {}, {'ok', now_us}
for _, fire in ipairs(fires) do
  -- Nothing is written yet, so a second fire of one schedule would look as good as the first.
  fire.outcome = decided[fire.id] and 'stale' or decide(fire)
  if fire.outcome == 'broken' then check_quarantine() end
  decided[fire.id] = true
  reply[#reply + 1] = fire.outcome
  reply[#reply + 1] = fire.entry and fire.entry.origin or ''
  if fire.outcome == 'fired' then
    local queue = fire.entry.origin
    by_queue[queue] = by_queue[queue] or {}
    table.insert(by_queue[queue], fire)
  end
end

-- Repeatable writes first; then, a queue at a time, the push and at once the re-arming of exactly those ids.
-- A user who may not do all of that (ACL) is refused before a job is half queued, by doing it to nothing.
for _, fire in ipairs(fires) do
  if fire.outcome == 'fired' then
    if #queue_order == 0 then redis.call('HDEL', nothing, ''); redis.call('DEL', nothing); redis.call('PERSIST', nothing) end
    queue_job(fire)
  end
end
register_queues()
for _, queue in ipairs(queue_order) do
  call_in_chunks('LPUSH', prefix .. ':queue:' .. queue, pushes[queue].front)
  call_in_chunks('RPUSH', prefix .. ':queue:' .. queue, pushes[queue].back)
  for _, fire in ipairs(by_queue[queue]) do rearm(fire) end
end

local ADVANCES = {skipped = true, buffered = true, advanced = true}
for _, fire in ipairs(fires) do
  local outcome = fire.outcome
  if outcome == 'buffered' then redis.call('ZADD', buffered, string.format('%.6f', now + 1), fire.id) end
  if outcome == 'waiting' then
    redis.call('ZADD', buffered, string.format('%.6f', now + 1), fire.id)
    if fire.looked_up == 'there' then redis.pcall('HSET', schedule_key(fire.id), 'looked_up_at', now_us) end
  elseif outcome == 'broken' then
    quarantine(index, fire.id, fire.due, fire.entry.reason, fire.entry.origin or nil, true)
    keep_schedule(fire.id)
  elseif outcome == 'deleted' then
    redis.call('ZREM', index, fire.id)
    write_state(fire, outcome)
  elseif outcome == 'fired' or ADVANCES[outcome] then
    if outcome ~= 'fired' then rearm(fire) end
    write_state(fire, outcome)
  end
end
return reply
