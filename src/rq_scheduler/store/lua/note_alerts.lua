-- Remembers how far a receiver of alerts has been told, or that it cannot be reached; or gives it back.
--
-- KEYS[1]  the receiver (hash)
-- ARGV     1 token of who sends to it, then names and values of fields
-- returns  {'ok'} or {'lost'}: another dispatcher has the receiver, or it was forgotten, and nothing is written
-- keeps    who has lost a receiver moves its place no more; who finds that Redis has lost its data goes on
-- @include receivers
local holder = redis.call('HGET', KEYS[1], 'holder')
if holder and holder ~= ARGV[1] then return {'lost'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if not holder then redis.call('EXPIRE', KEYS[1], KEPT) end
return {'ok'}
