-- The one clock that decides what is due: the server's. Microseconds travel as decimal strings, because Lua
-- writes numbers with 14 digits; a double holds unix seconds with microseconds exactly past the year 2100.
local time = redis.call('TIME')

-- The id of a new entry of a stream: its time.
local function stream_id() return '*' end
