-- Takes an entry out of an index, with a reason, when Python has seen that nothing can serve it.
--
-- KEYS[1]  the index that holds the entry (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 due as read, 4 reason
-- returns  {'ok'} or {'changed'}: the entry has moved on, and nothing was written
-- keeps    nothing leaves the index silently
local prefix, id, due, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- @include clock
-- @include quarantine
-- @include recurring
local score = redis.call('ZSCORE', KEYS[1], id)
if not same_moment(score, due) then return {'changed'} end
local origin = redis.pcall('HGET', prefix .. ':job:' .. id, 'origin')
quarantine(KEYS[1], id, due, reason, type(origin) == 'string' and origin or nil)
forget_schedule(id)
return {'ok'}
