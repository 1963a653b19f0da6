-- Gives a lock back, if it is still its owner's.
--
-- KEYS[1]  lock (string)
-- ARGV     1 owner
-- returns  {'ok'} or {'foreign'}: somebody else has it, or nobody
-- keeps    nobody removes a lock that is not theirs
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'foreign'} end
redis.call('DEL', KEYS[1])
return {'ok'}
