-- Remembers nothing of a receiver of alerts any more.
--
-- KEYS[1]  the receivers of alerts (zset, name -> when a dispatcher last looked, unix seconds)
-- ARGV     1 prefix, 2 name
-- returns  {'ok'} or {'unknown'}: nothing was remembered
-- keeps    a dispatcher that has the receiver loses it: it sends no more, and begins anew
-- @include receivers
local name = ARGV[2]
local key = KEYS[1] .. ':' .. name
local is_known = redis.call('ZREM', KEYS[1], name) == 1
redis.call('DEL', key)
-- Nothing at all would look to that dispatcher as if Redis had lost its data.
redis.call('HSET', key, 'holder', '')
redis.call('EXPIRE', key, FORGOTTEN_FOR)
return {is_known and 'ok' or 'unknown'}
