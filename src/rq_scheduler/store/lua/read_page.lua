-- Reads a page of entries with their jobs, those that are parked too, in due order, from behind the last entry of the page before.
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
-- @include parked
-- @include job_pages

local rank, parked_rank
if last_score == '' then
  rank, parked_rank = ranks_at(index, offset)
else
  rank, parked_rank = rank_behind(index, last_score, last_id), rank_behind(parked_due, last_score, last_id)
end
local page, greatest = {}, max == '+inf' and math.huge or tonumber(max)
for _, entry in ipairs(merged(index, rank, parked_rank, limit)) do
  local id, due, is_parked = unpack(entry)
  if tonumber(due) > greatest or bytes <= 0 then break end
  local job = is_parked and planned_job(id) or job_or_copy(id)
  page[#page + 1], page[#page + 2], page[#page + 3] = id, due, job
  for field = 2, #job, 2 do bytes = bytes - #job[field] end
end
return page
