-- Counts a hand-off that RQ's own code makes, in the transaction that makes it.
--
-- KEYS[1]  counters (hash)
-- ARGV     1 prefix, 2 kind of what is handed off (see include/counters.lua), 3 queue
-- returns  {'ok'}
-- keeps    what cannot be counted is handed off all the same
local prefix, kind, queue = ARGV[1], ARGV[2], ARGV[3]
-- @include counters
counters.hand_off(kind, queue, 1)
counters.write()
return {'ok'}
