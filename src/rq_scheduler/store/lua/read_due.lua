-- Reads a page of schedules that are due, those that soon will be, and those that remember a run, with all that planning
-- needs.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 due and 3 id of the last one read in this pass, or '' and '', 4 limit, 5 seconds to look ahead, 6 due and
--          7 id of the last one read ahead, or '' and '', 8 limit of those
-- returns  {now in us, next due or next look at a remembered run, or '', due and id of the last one read when there may be more, or '' and '',
--          due {{rev, spec, armed, updated, bytes of the call, id, due}, ...}, ahead {{...}, ...}, remembering {{id, kind, bytes of the call}, ...}}
-- keeps    a read never writes
local prefix, last_score, last_id, limit, look_ahead = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local ahead_score, ahead_id, ahead_limit = ARGV[6], ARGV[7], tonumber(ARGV[8])
local index = KEYS[1]
-- @include clock
-- @include schedule
-- @include seek
local function rows(entries)
  local found = {}
  for i = 1, #entries, 2 do
    local row = redis.pcall('HMGET', schedule_key(entries[i]), 'rev', 'spec', 'armed', 'updated', 'size')
    if row.err then row = {false, false, false, false, false} end
    row[6], row[7] = entries[i], entries[i + 1]
    found[#found + 1] = row
  end
  return found
end

local start = last_score == '' and 0 or rank_behind(last_score, last_id)
local due = redis.call('ZRANGEBYSCORE', index, '-inf', now_score, 'WITHSCORES', 'LIMIT', start, limit)
local next_due = redis.call('ZRANGEBYSCORE', index, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or ''
local near = {}
if ahead_limit > 0 and next_due ~= '' and tonumber(next_due) <= now + look_ahead then
  local is_read = ahead_score ~= '' and tonumber(ahead_score) > now
  local first = is_read and rank_behind(ahead_score, ahead_id) or redis.call('ZCOUNT', index, '-inf', now_score)
  local coming = redis.call('ZRANGE', index, first, first + ahead_limit - 1, 'WITHSCORES')
  for i = 1, #coming, 2 do
    if tonumber(coming[i + 1]) > now + look_ahead then break end
    near[i], near[i + 1] = coming[i], coming[i + 1]
  end
end
local check = redis.call('ZRANGEBYSCORE', buffered_schedules, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
if check and (next_due == '' or tonumber(check) < tonumber(next_due)) then next_due = check end
local remembering = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', buffered_schedules, '-inf', now_score, 'LIMIT', 0, limit)) do
  local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'size')
  remembering[#remembering + 1] = {id, record[1] or '', record[2] or '0'}
end
local more = #due / 2 == limit
return {now_us, next_due, more and due[#due] or '', more and due[#due - 1] or '', rows(due), rows(near), remembering}
