-- A dispatcher goes. The last one lifts the fence, and gives RQ's scheduler locks back.
--
-- KEYS[1]  instance hash
-- ARGV     1 prefix, 2 name, 3 fence key or '', 4 fence token, 5 token of RQ's locks
-- returns  {'ok', number of dispatchers that stay}
-- keeps    the fence stands as long as any dispatcher lives
local prefix, name, fence_key, fence_token, lock_token = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
-- @include clock
-- @include events
-- @include presence
redis.call('DEL', KEYS[1])
local was_there = redis.call('ZREM', dispatchers, name) == 1
if was_there then redis.call('ZADD', heartbeats, now_score, name) end
drop_dead()
if was_there then tell('dispatcher_left', name) end
local live = redis.call('ZCARD', dispatchers)
if live > 0 then return {'ok', live} end
if fence_key ~= '' and redis.call('GET', fence_key) == fence_token then redis.call('DEL', fence_key) end
for _, queue in ipairs(redis.call('HKEYS', prefix .. ':scheduler:rq_claims')) do
  local lock = prefix .. ':scheduler-lock:' .. queue
  if redis.call('GET', lock) == lock_token then redis.call('DEL', lock) end
end
return {'ok', 0}
