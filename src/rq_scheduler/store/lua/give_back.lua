-- Gives back what a dispatcher has taken and does not get to: others may take it at once, and are woken.
--
-- KEYS[1]  what it was taken from (zset, id -> from when on a dispatcher may take it, unix seconds)
-- ARGV     1 prefix, then ids
-- returns  {'ok'}
-- keeps    what is done stays done
local prefix = ARGV[1]
-- @include clock
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', now_score, ARGV[i]) end
redis.pcall('PUBLISH', prefix .. ':scheduler:wakeup', now_score)
return {'ok'}
