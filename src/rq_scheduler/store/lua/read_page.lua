-- Reads a page of entries with their jobs, in due order, from behind the last entry of the page before.
-- The cursor is an entry, not a rank: entries that leave meanwhile shift nothing.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 greatest due (unix seconds, or '+inf'), 3 due and 4 id of the last entry seen, or '' and '',
--          5 entries to pass over, 6 limit, 7 bytes of job data after which a page ends
-- returns  {id, due, {field, value, ...}, ...}; {} as fields when the job is gone
-- keeps    a read never writes
local prefix, max, last_score, last_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local offset, limit, bytes = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local index = KEYS[1]
-- @include job_or_copy
-- @include seek

local start = offset + (last_score == '' and 0 or rank_behind(last_score, last_id))
local entries = redis.call('ZRANGE', index, start, start + limit - 1, 'WITHSCORES')
local page, greatest = {}, max == '+inf' and math.huge or tonumber(max)
for i = 1, #entries, 2 do
  if tonumber(entries[i + 1]) > greatest or bytes <= 0 then break end
  page[#page + 1] = entries[i]
  page[#page + 1] = entries[i + 1]
  local job = job_or_copy(entries[i])
  page[#page + 1] = job
  for field = 2, #job, 2 do bytes = bytes - #job[field] end
end
return page
