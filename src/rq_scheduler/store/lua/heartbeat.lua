-- Keeps a live instance known, and tells a dispatcher's counters. Where no dispatcher was heard of for a while, books that as an outage.
--
-- KEYS[1]  instance hash
-- ARGV     1 prefix, 2 name, 3 ttl in seconds, 4 '1' for a dispatcher, 5 run_id of the server, or '', 6 what kept this dispatcher from
--          its last heartbeat, if anything did: 'redis', 'fleet', or '' when it has just begun, 7 who holds the lock against
--          dispatchers, or '', then field, value, ...
-- returns  {'ok', number of live dispatchers}
-- keeps    the last dispatcher to leave knows that it is the last; an outage is booked once
local prefix, name, ttl, is_dispatcher = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local run_id, delayed_by, holder = ARGV[5], ARGV[6], ARGV[7]
-- @include clock
-- @include events
-- @include presence
redis.call('HSET', KEYS[1], unpack(ARGV, 8))
redis.call('EXPIRE', KEYS[1], ttl)
if is_dispatcher then
  if delayed_by == 'redis' then spare_all(ttl) end
  local is_new = not redis.call('ZSCORE', dispatchers, name)
  redis.call('ZADD', dispatchers, string.format('%.6f', now + ttl), name)
  note_heartbeat(name, run_id, delayed_by)
  note_lock(holder)
  if is_new then
    local host, pid, version = unpack(redis.call('HMGET', KEYS[1], 'host', 'pid', 'version'))
    tell('dispatcher_started', name, 'host', host or '', 'pid', pid or '', 'version', version or '')
  end
end
drop_dead()
return {'ok', redis.call('ZCARD', dispatchers)}
