-- Hands off what is due in RQ's own scheduled registries, for the queues whose RQ scheduler lock is free or ours.
--
-- KEYS[1]  RQ's set of queues
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 cursor over the queues, 6 limit,
--          7 RQ's default timeout, 8 token of RQ's lock, 9 its ttl in seconds, 10 'hold' or 'run' what is long overdue,
--          11 seconds that make an entry long overdue, then ids that this pass
--          has been given and could not serve
-- returns  {'ok', now in us, next cursor, next due or '', handed off {id, due, queue, ...},
--          left {kind, id, due, queue, ...}, dropped {id, due, reason, ...}, newly taken on {queue, number held, ...},
--          queues with more to do} or {'fenced', ...}
-- keeps    each scheduled job of RQ's is handed off exactly once; a queue that a worker's scheduler serves is left to it
local prefix, fence_key, fence_token, fence_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local cursor, limit, default_timeout = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local lock_token, lock_ttl, overdue_policy, long_overdue = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include entry
-- @include events
-- @include counters
-- @include quarantine

local passed_over, passed = {}, 0
for i = 12, #ARGV do
  passed_over[ARGV[i]] = true
  passed = passed + 1
end

local taken_on, since_key = prefix .. ':scheduler:rq_claims', prefix .. ':scheduler:rq_since'
local handed, left, dropped, news, broken = {}, {}, {}, {}, {}
local next_due, behind = nil, 0
local ready = {}

local function registry_key(queue) return prefix .. ':scheduled:' .. queue end

-- Since when dispatchers of ours serve RQ's registries here: what was made later was never without somebody to serve it.
local function serving_since()
  local since = redis.pcall('GET', since_key)
  if not since then redis.call('SET', since_key, enqueued_at) end
  return type(since) == 'string' and since or enqueued_at -- of a wrong type, it names no time
end

-- How many entries before the line are older than that, as far as they are looked at one by one.
local HELD_SCAN = 1000
local function made_before(since, registry, line)
  local overdue = redis.call('ZCOUNT', registry, '-inf', '(' .. line)
  if overdue == 0 then return 0 end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', registry, '-inf', '(' .. line, 'LIMIT', 0, HELD_SCAN)) do
    local created_at = redis.pcall('HGET', prefix .. ':job:' .. id, 'created_at')
    if type(created_at) == 'string' and created_at > since then overdue = overdue - 1 end
  end
  return overdue
end

-- True when this queue is ours to serve. Taking it on draws the line behind which entries that nobody was serving are held.
local function hold_lock(queue, registry)
  local lock = prefix .. ':scheduler-lock:' .. queue
  local holder = redis.pcall('GET', lock)
  if holder and holder ~= lock_token then return false end
  if holder then redis.call('EXPIRE', lock, lock_ttl) else redis.call('SET', lock, lock_token, 'EX', lock_ttl) end
  if redis.call('HEXISTS', taken_on, queue) == 0 then
    local line = string.format('%.6f', now - long_overdue)
    local since = serving_since()
    local held = overdue_policy == 'hold' and made_before(since, registry, line) or 0
    redis.call('HSET', taken_on, queue, held > 0 and cjson.encode({line = line, at = since, held = held}) or '')
    news[#news + 1] = queue
    news[#news + 1] = held
  elseif overdue_policy == 'run' and redis.call('HGET', taken_on, queue) ~= '' then
    redis.call('HSET', taken_on, queue, '')
  end
  return true
end

-- Entries of a queue to serve: all that are due, but those held since the queue was taken on. What was made after that
-- for a time long past ("run now", to RQ) is among them by its score, and known by its created_at.
local function due_entries(queue, registry)
  local state = redis.call('HGET', taken_on, queue)
  if not filled(state) then
    return redis.call('ZRANGEBYSCORE', registry, '-inf', now_score, 'WITHSCORES', 'LIMIT', 0, limit + passed)
  end
  state = cjson.decode(state)
  local due = redis.call('ZRANGEBYSCORE', registry, state.line, now_score, 'WITHSCORES', 'LIMIT', 0, limit + passed)
  local below = redis.call('ZCOUNT', registry, '-inf', '(' .. state.line)
  if below <= state.held then return due end
  local old = redis.call('ZRANGEBYSCORE', registry, '-inf', '(' .. state.line, 'WITHSCORES', 'LIMIT', 0, HELD_SCAN)
  for i = 1, #old, 2 do
    local created_at = redis.pcall('HGET', prefix .. ':job:' .. old[i], 'created_at')
    if type(created_at) == 'string' and created_at > state.at and #due < 2 * (limit + passed) then
      due[#due + 1] = old[i]
      due[#due + 1] = old[i + 1]
    end
  end
  return due
end

-- RQ 2.6 writes an entry first and its job a moment later: one that was due just now may be about to have it.
local PATIENCE = 10
local function may_come(entry, score) return entry.gone and now - tonumber(score) < PATIENCE end

local function serve(queue)
  local registry = registry_key(queue)
  if redis.call('TYPE', registry).ok ~= 'zset' or not is_queue(queue) or not hold_lock(queue, registry) then return end
  local due = due_entries(queue, registry)
  local taken = 0
  for i = 1, #due, 2 do
    local id, score, entry = due[i], due[i + 1], read_entry(due[i])
    taken = taken + 1
    if passed_over[id] then
      taken = taken - 1
    elseif entry.kind == 'broken' and not may_come(entry, score) then
      broken[#broken + 1] = {registry, id, score, entry.reason, queue}
    elseif entry.kind == 'broken' or entry.rate_limited then
      for _, value in ipairs({'via_rq', id, score, queue}) do left[#left + 1] = value end
    else
      entry.id, entry.score, entry.queue = id, score, queue
      ready[#ready + 1] = entry
    end
  end
  if #due / 2 == limit + passed then behind = behind + 1 end
  limit = limit - taken
  local coming = redis.call('ZRANGEBYSCORE', registry, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if coming[2] and (not next_due or tonumber(coming[2]) < tonumber(next_due)) then next_due = coming[2] end
end

-- What is noted of queues that hold nothing any more goes, and their lock: of a few a walk, whichever they are.
local LOOKED_AT = 10
local function let_go_of(queue)
  local lock = prefix .. ':scheduler-lock:' .. queue
  if redis.pcall('GET', lock) == lock_token then redis.call('DEL', lock) end
  redis.call('HDEL', taken_on, queue)
end

if cursor == '0' then
  for _, queue in ipairs(redis.call('HRANDFIELD', taken_on, LOOKED_AT) or {}) do -- fakeredis: nil
    if redis.call('EXISTS', registry_key(queue)) == 0 then let_go_of(queue) end
  end
end

local queues_key = KEYS[1]
local scan = redis.call('SSCAN', queues_key, cursor, 'COUNT', 200)
for _, queue_key in ipairs(scan[2]) do
  if limit <= 0 then behind = behind + 1 break end
  serve(string.sub(queue_key, #prefix + #':queue:' + 1))
end

if #broken > 0 then check_quarantine() end
for _, entry in ipairs(ready) do
  mark_queued(entry.key, entry.timeout, default_timeout, 'origin', entry.queue)
  if entry.ttl and entry.ttl > 0 then expire_job(entry.id, entry.ttl) end
  push_later(entry.queue, entry.id, wants_front(entry.at_front, entry.at_front_on_retry, entry.ended_at))
  for _, value in ipairs({entry.id, entry.score, entry.queue}) do handed[#handed + 1] = value end
end
for _, queue in ipairs(queue_order) do counters.hand_off('rq', queue, #pushes[queue].front + #pushes[queue].back) end
push_all(function(ids, queue) call_in_chunks('ZREM', registry_key(queue), ids) end)
for _, fault in ipairs(broken) do
  quarantine(fault[1], fault[2], fault[3], fault[4], fault[5])
  for i = 2, 4 do dropped[#dropped + 1] = fault[i] end
end
counters.write()
return {'ok', now_us, scan[1], next_due or '', handed, left, dropped, news, behind}
