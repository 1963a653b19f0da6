-- Reads the clock that decides what is due: on a cluster, that of the node that holds our keys.
--
-- KEYS[1]  any key of ours
-- ARGV     1 prefix
-- returns  {now in us}
-- keeps    a read never writes
-- @include clock
return {now_us}
