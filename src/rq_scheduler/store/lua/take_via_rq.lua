-- Hands out runs that RQ itself has to enqueue, those that have waited longest. Nobody else is given them for two
-- seconds: then they come again, unless they were enqueued. What nothing can enqueue goes into quarantine, what was canceled through RQ is let go.
--
-- KEYS[1]  runs that RQ itself has to enqueue (zset, id -> from when on a dispatcher may take it, unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 most
-- returns  {'ok', now in us, when the first of the others may be taken, or '', '1' when that is now, taken {id, since when it waits, until
--          when it is taken, queue, ...}, dropped {id, since when it waits, reason, ...}}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    nothing leaves the set silently; two dispatchers enqueue different ones; those of one that dies come back
local prefix, fence_key, fence_token, fence_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local most = tonumber(ARGV[5])
local index = KEYS[1]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include entry
-- @include events
-- @include counters
-- @include quarantine
-- @include overlap
-- @include ending
-- @include waits
local until_then = string.format('%.6f', now + LEASE)

local taken, dropped = {}, {}
local function drop(id, since, reason)
  dropped[#dropped + 1], dropped[#dropped + 2], dropped[#dropped + 3] = id, since, reason
end

check_quarantine()
local waiting = redis.call('ZRANGEBYSCORE', index, '-inf', now_score, 'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #waiting, 2 do
  local id, since, entry = waiting[i], waiting[i + 1], read_entry(waiting[i])
  local reason = entry.reason or fault_of_queue(entry.origin)
  if entry.status == 'canceled' then
    let_canceled_expire(id)
    redis.call('ZREM', index, id)
    drop(id, since, 'canceled')
  elseif reason then
    quarantine(index, id, since, reason, entry.origin)
    drop(id, since, reason)
  else
    redis.call('ZADD', index, until_then, id)
    for _, value in ipairs({id, since, until_then, entry.origin}) do taken[#taken + 1] = value end
  end
end
counters.write()
local coming = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')[2]
return {'ok', now_us, coming or '', coming and tonumber(coming) <= now and '1' or '0', taken, dropped}
