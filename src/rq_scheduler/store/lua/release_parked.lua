-- Looks at parked jobs: each whose id RQ has no live job of any more becomes an ordinary pending entry, with its own due time.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 how many at most
-- returns  {'ok', how many became pending, the earliest of their due times or '', when to look again or ''}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each one-off is handed off exactly once, as it was planned, with nothing of the earlier job of its id
local prefix, fence_key, fence_token, fence_ttl, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local index = KEYS[1]
-- @include clock
-- @include fence
-- @include recurring
-- @include overlap
-- @include ending
-- @include live_job
-- @include ended_job
-- @include parked
-- @include events
-- @include counters
-- @include quarantine
-- @include wake

-- A key of a wrong type has to end the script before its first write.
for _, key in ipairs({index, parked_due}) do redis.call('ZCARD', key) end
local ids = redis.call('ZRANGEBYSCORE', parked, '-inf', now_score, 'LIMIT', 0, limit)
local released, earliest = 0, math.huge

-- The hash first: without it, what follows is done again by the next look.
local function release(id, due, queue)
  local key = planned_key(id)
  -- RQ deletes a job in which a late heartbeat creates that field.
  if redis.call('HEXISTS', key, 'last_heartbeat') == 0 then redis.call('HSET', key, 'last_heartbeat', '') end
  redis.call('HDEL', key, unpack(SEEN))
  redis.pcall('LREM', queue_lists(queue)[2], 0, id) -- RQ fails what has stayed there
  remove_traces(id, queue)
  forget_schedule(id) -- an earlier series, which a 0.14 client has written late
  redis.call('RENAME', key, prefix .. ':job:' .. id)
  redis.call('ZADD', index, due, id)
  unpark(id)
  released, earliest = released + 1, math.min(earliest, tonumber(due))
end

local function look_at(id)
  local due, created_at = redis.call('ZSCORE', parked_due, id), redis.pcall('HGET', planned_key(id), 'created_at')
  if type(created_at) == 'table' then return end
  local is_pending = redis.call('ZSCORE', index, id)
  if not due or not created_at then
    -- Only another hand takes the one without the other.
    if due and not is_pending then quarantine(index, id, due, 'what was planned is gone: ' .. planned_key(id) .. ' was deleted') end
    unpark(id)
    return
  end
  -- A 0.14 client has planned the id since: of two plans the later one counts.
  local pending_since = is_pending and redis.pcall('HGET', prefix .. ':job:' .. id, 'created_at')
  if type(pending_since) == 'string' and pending_since > created_at then
    unpark(id)
    return
  end
  local ended, queue = has_ended(id, planned_key(id))
  if ended then release(id, due, queue) end
end

if ids[1] then
  check_quarantine()
  local again = string.format('%.6f', now + seconds_parked())
  local looks = {}
  for _, id in ipairs(ids) do looks[#looks + 1], looks[#looks + 2] = again, id end
  redis.call('ZADD', parked, unpack(looks))
  for _, id in ipairs(ids) do look_at(id) end
  if released > 0 then wake_if_first(earliest) end
  counters.write()
end
local next_look = redis.call('ZRANGE', parked, 0, 0, 'WITHSCORES')[2] or ''
return {'ok', released, earliest < math.huge and string.format('%.6f', earliest) or '', next_look}
