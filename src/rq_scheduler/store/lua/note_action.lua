-- Notes in the audit what somebody did through RQ, whose own commands write nothing there.
--
-- KEYS[1]  the audit (stream)
-- ARGV     1 prefix, 2 action, 3 id of what it was done to, 4 who did it, then names and values of what else is known
-- returns  {'ok'}
-- keeps    what cannot be noted turns nothing that is done into an error
local prefix, action, id, actor = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- @include clock
-- @include audit
audit(action, id, actor, unpack(ARGV, 5))
return {'ok'}
