-- Keeps a live instance known, and tells a dispatcher's counters.
--
-- KEYS[1]  instance hash
-- ARGV     1 prefix, 2 name, 3 ttl in seconds, 4 '1' for a dispatcher, then field, value, ...
-- returns  {'ok', number of live dispatchers}
-- keeps    the last dispatcher to leave knows that it is the last
local prefix, name, ttl, is_dispatcher = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
-- @include clock
local dispatchers = prefix .. ':scheduler:dispatchers'
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('EXPIRE', KEYS[1], ttl)
redis.call('ZREMRANGEBYSCORE', dispatchers, '-inf', now_score)
if is_dispatcher then redis.call('ZADD', dispatchers, string.format('%.6f', now + tonumber(ttl)), name) end
return {'ok', redis.call('ZCARD', dispatchers)}
