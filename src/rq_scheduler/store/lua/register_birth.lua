-- Announces an instance under a name that no live one bears.
--
-- KEYS[1]  instance hash
-- ARGV     1 ttl in seconds, then field, value, ...
-- returns  {'ok'} or {'taken'}: a live instance bears this name
-- keeps    a name belongs to one live instance
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'death') == 0 then return {'taken'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('HDEL', KEYS[1], 'death')
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {'ok'}
