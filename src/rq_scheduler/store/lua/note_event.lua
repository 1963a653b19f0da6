-- Tells an event that no other script sees happen.
--
-- KEYS[1]  the events (stream)
-- ARGV     1 prefix, 2 kind, 3 id of what it happened to, then names and values of what else is known
-- returns  {'ok'}
-- keeps    what cannot be told turns nothing that is done into an error
local prefix, kind, id = ARGV[1], ARGV[2], ARGV[3]
-- @include clock
-- @include events
tell(kind, id, unpack(ARGV, 4))
return {'ok'}
