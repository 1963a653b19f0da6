-- Remembers how far a receiver of alerts has been told, or that it cannot be reached; or gives it back.
--
-- KEYS[1]  the receiver (hash)
-- ARGV     1 token of who sends to it, then names and values of fields
-- returns  {'ok'} or {'lost'}: another dispatcher has the receiver, and nothing is written
-- keeps    who has lost a receiver moves its place no more
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return {'lost'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return {'ok'}
