-- Delays one-offs that are due in a stretch of time, so that they come evenly over a longer one: a batch of them, the last ones first. None
-- becomes earlier. Recurring jobs stay: their time is that of their trigger.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 beginning and 3 end of the stretch (unix seconds; the end is not in it), 4 seconds over which they are to come, 5 how
--          many entries were in the stretch, or '' to begin, 6 due and 7 id of the first one of the batch before, or '' and '', 8 most, 9 who
--          does this
-- returns  {how many entries were in the stretch, how many were moved, due and id of the first one looked at, or '' and '' at the end}
-- keeps    an entry that was handed off, cancelled or moved meanwhile stays so
local prefix, since, stop, over, total, last_due, last_id, most, actor = unpack(ARGV)
local index = KEYS[1]
-- @include clock
-- @include recurring
-- @include seek
-- @include audit
most, over = tonumber(most), tonumber(over)

local low = redis.call('ZCOUNT', index, '-inf', '(' .. since)
local high = redis.call('ZCOUNT', index, '-inf', '(' .. stop)
if last_due ~= '' then
  high = rank_behind(index, last_due, last_id)
  if tonumber(redis.call('ZSCORE', index, last_id) or '') == tonumber(last_due) then high = high - 1 end
end
total = tonumber(total) or high - low
if total > 0 and last_due == '' then audit('moved', '', actor, 'jobs', total, 'since', since, 'until', stop, 'over', over) end

local first = math.max(low, high - most)
local entries = first < high and redis.call('ZRANGE', index, first, high - 1, 'WITHSCORES') or {}
local moves, moved = {}, 0
for i = 1, #entries, 2 do
  local id, due = entries[i], entries[i + 1]
  local place = first - low + (i - 1) / 2
  local wanted = tonumber(since) + over * place / total
  local job_key = prefix .. ':job:' .. id
  if wanted > tonumber(due) and not redis.call('ZSCORE', recurring_jobs, id) and redis.call('TYPE', job_key).ok == 'hash' then
    -- Writing the status, though unchanged, tells a slow hand-off that watches the job.
    local status = redis.call('HGET', job_key, 'status')
    if status then redis.call('HSET', job_key, 'status', status) end
    redis.call('ZADD', index, 'XX', string.format('%.6f', wanted), id)
    moved = moved + 1
  end
end
local is_done = first <= low
return {total, moved, is_done and '' or entries[2], is_done and '' or entries[1]}
