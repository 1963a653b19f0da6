-- Finds what did not run of one schedule, in a part of the list.
--
-- KEYS[1]  what did not run (zset, "id, letter, first nominal time, ..." -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 since when it was noted (unix seconds), 4 lines to pass over, the newest, 5 lines of that part
-- returns  {lines there are in it, line, unix seconds, ...}: those of this schedule, newest first
-- keeps    a read never writes
local id = ARGV[2]
local lines = redis.pcall('ZREVRANGEBYSCORE', KEYS[1], '+inf', ARGV[3], 'WITHSCORES', 'LIMIT', ARGV[4], ARGV[5])
if lines.err then return {0} end
local found = {#lines / 2}
for i = 1, #lines, 2 do
  if string.sub(lines[i], 1, #id + 1) == id .. ' ' then
    found[#found + 1], found[#found + 2] = lines[i], lines[i + 1]
  end
end
return found
