-- The one clock that decides what is due: the server's. Microseconds travel as decimal strings, because Lua
-- writes numbers with 14 digits; a double holds unix seconds with microseconds exactly past the year 2100.
local time = redis.call('TIME')
