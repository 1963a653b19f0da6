-- Hands off one batch of due one-off jobs: marks each queued, pushes it, registers the queue, removes the entry.
-- Entries that need Python are returned, untouched; the next call of the pass begins behind the last one read.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 due and 6 id of the last
--          entry read in this pass, or '' and '', 7 limit, 8 seconds to look ahead for schedules, 9 RQ's default timeout,
--          10 '1' when every job takes the slow path, 11 '1' when every filled meta has to be read by Python,
--          12 pattern of the ids that RQ takes
-- returns  {'ok', now in us, next due or '', due and id of the last entry read when there may be more, or '' and '', handed off {id, due, queue, ...},
--          left {kind, id, due, queue, ...}, dropped {id, due, reason, ...}, schedules ahead {id, due, ...},
--          when one of the other schedules is due, or its remembered run to be looked at, or ''}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each one-off is handed off exactly once; nothing leaves the index silently
local prefix, fence_key, fence_token, fence_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local last_score, last_id, limit = ARGV[5], ARGV[6], ARGV[7]
local look_ahead, default_timeout = tonumber(ARGV[8]), ARGV[9]
local all_slow, all_meta, id_pattern = ARGV[10] == '1', ARGV[11] == '1', ARGV[12]
local index = KEYS[1]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include entry
-- @include quarantine
-- @include seek

-- The ids among `entries` (id, score, ...) that have a schedule record; nearly always none, in one command.
local function schedules_among(entries)
  local keys, found = {}, {}
  for i = 1, #entries, 2 do keys[#keys + 1] = prefix .. ':scheduler:schedule:' .. entries[i] end
  for first = 1, #keys, CHUNK do
    local last = math.min(first + CHUNK - 1, #keys)
    if redis.call('EXISTS', unpack(keys, first, last)) > 0 then
      for i = first, last do
        if redis.call('EXISTS', keys[i]) == 1 then found[entries[2 * i - 1]] = true end
      end
    end
  end
  return found
end

local start = last_score == '' and 0 or rank_behind(last_score, last_id)
local due = redis.call('ZRANGEBYSCORE', index, '-inf', now_score, 'WITHSCORES', 'LIMIT', start, limit)
local schedules = schedules_among(due)
local ready, handed, left, broken, dropped = {}, {}, {}, {}, {}

for i = 1, #due, 2 do
  local id, score = due[i], due[i + 1]
  local entry = not schedules[id] and read_entry(id)
  local kind = entry and entry.kind or 'schedule'
  if not string.find(id, id_pattern) then
    entry = entry or {}
    kind, entry.reason = 'broken', refused_id(id, score)
  end
  if kind == 'ready' then
    if names(entry.meta, 'interval') or names(entry.meta, 'cron_string')
        or (all_meta and filled(entry.meta)) then
      kind = 'recurring'
    elseif entry.status == 'canceled' then
      kind = 'canceled'
    elseif not filled(entry.origin) then
      kind, entry.reason = 'broken', 'its job names no queue (the field origin is empty)'
    elseif all_slow or entry.depends or entry.rate_limited or names(entry.meta, 'queue_class_name') then
      kind = 'slow'
    elseif not is_queue(entry.origin) then
      kind, entry.reason = 'broken', 'the key ' .. prefix .. ':queue:' .. entry.origin .. ' is not the list of a queue'
    end
  end
  if kind == 'ready' then
    entry.id, entry.score = id, score
    ready[#ready + 1] = entry
  elseif kind == 'broken' then
    broken[#broken + 1] = {id, score, entry.reason, entry.origin}
  elseif kind == 'canceled' then
    dropped[#dropped + 1] = id
    dropped[#dropped + 1] = score
    dropped[#dropped + 1] = 'canceled'
  else
    for _, value in ipairs({kind, id, score, entry and entry.origin or ''}) do left[#left + 1] = value end
  end
end

-- Repeatable writes first. The first of them is the one that a full or read-only server refuses.
for _, entry in ipairs(ready) do
  if filled(entry.timeout) then
    redis.call('HSET', entry.key, 'status', 'queued', 'enqueued_at', enqueued_at)
  else
    redis.call('HSET', entry.key, 'status', 'queued', 'enqueued_at', enqueued_at, 'timeout', default_timeout)
  end
  if entry.ttl and entry.ttl > 0 then expire_job(entry.id, entry.ttl) end
  push_later(entry.origin, entry.id, wants_front(entry.at_front, entry.at_front_on_retry, entry.ended_at))
  for _, value in ipairs({entry.id, entry.score, entry.origin}) do handed[#handed + 1] = value end
end
register_queues()

-- Then, a queue at a time, the push and at once the removal of exactly those ids.
for _, queue in ipairs(queue_order) do
  local push = pushes[queue]
  call_in_chunks('LPUSH', prefix .. ':queue:' .. queue, push.front)
  call_in_chunks('ZREM', index, push.front)
  call_in_chunks('RPUSH', prefix .. ':queue:' .. queue, push.back)
  call_in_chunks('ZREM', index, push.back)
end

for _, fault in ipairs(broken) do
  quarantine(index, fault[1], fault[2], fault[3], fault[4])
  dropped[#dropped + 1] = fault[1]
  dropped[#dropped + 1] = fault[2]
  dropped[#dropped + 1] = fault[3]
end
for i = 1, #dropped, 3 do
  if dropped[i + 2] == 'canceled' then redis.call('ZREM', index, dropped[i]) end
end

local coming = redis.call('ZRANGEBYSCORE', index, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 64)
local near = {}
for i = 1, #coming, 2 do
  if tonumber(coming[i + 1]) > now + look_ahead then break end
  near[i], near[i + 1] = coming[i], coming[i + 1]
end
local ahead, planned = {}, schedules_among(near)
for i = 1, #near, 2 do
  if planned[near[i]] then
    ahead[#ahead + 1] = near[i]
    ahead[#ahead + 1] = near[i + 1]
  end
end
local function first_of(key) return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or 'inf') end
local schedules_due = math.min(first_of(prefix .. ':scheduler:due_schedules'), first_of(prefix .. ':scheduler:buffered'))
local more = #due / 2 == tonumber(limit)
return {'ok', now_us, coming[2] or '', more and due[#due] or '', more and due[#due - 1] or '', handed, left, dropped, ahead,
  schedules_due < math.huge and string.format('%.6f', schedules_due) or ''}
