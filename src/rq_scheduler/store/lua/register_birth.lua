-- Announces an instance under a name that no live one bears.
--
-- KEYS[1]  instance hash
-- ARGV     1 ttl in seconds, 2 token of this attempt, or '', 3 token of one that is known to be dead, or '',
--          then field, value, ...
-- returns  {'ok'}, also to an attempt that is repeated, or {'taken'}: a live instance bears this name
-- keeps    a name belongs to one live instance
local token, dead = ARGV[2], ARGV[3]
local known = redis.call('HMGET', KEYS[1], 'birth_token', 'death')
local is_ours = token ~= '' and known[1] == token
local is_dead = dead ~= '' and known[1] == dead
if redis.call('EXISTS', KEYS[1]) == 1 and not known[2] and not is_ours and not is_dead then return {'taken'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
if token ~= '' then redis.call('HSET', KEYS[1], 'birth_token', token) end
redis.call('HDEL', KEYS[1], 'death')
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {'ok'}
