-- Takes a recurring job of the 0.14 API out of the index, with a reason, when Python has seen that nothing can serve it.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 due as read, 4 reason
-- returns  {'ok'} or {'changed'}: the entry has moved on, and nothing was written
-- keeps    nothing leaves the index silently; a recurrence is kept until it is retried or purged
local prefix, id, due, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- @include clock
-- @include events
-- @include counters
-- @include quarantine
-- @include recurring
-- @include keeping
local score = redis.call('ZSCORE', KEYS[1], id)
if not same_moment(score, due) then return {'changed'} end
check_quarantine()
local origin = redis.pcall('HGET', prefix .. ':job:' .. id, 'origin')
quarantine(KEYS[1], id, due, reason, type(origin) == 'string' and origin or nil, true)
keep_schedule(id)
counters.write()
return {'ok'}
