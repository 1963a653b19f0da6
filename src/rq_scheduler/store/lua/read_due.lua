-- Reads a page of schedules that are due, those that soon will be, and those that remember a run, with all that planning
-- needs.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 due and 3 id of the last one read in this pass, or '' and '', 4 limit, 5 seconds to look ahead
-- returns  {now in us, next due or next look at a remembered run, or '', due and id of the last one read when there may be more, or '' and '',
--          due {{id, due, rev, spec, armed, updated, bytes of the call}, ...}, ahead {{...}, ...}, remembering {{id, kind, bytes of the call}, ...}}
-- keeps    a read never writes
local prefix, last_score, last_id, limit, look_ahead = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local index = KEYS[1]
-- @include clock
-- @include schedule
-- @include seek
local function data_size(id)
  local size = redis.pcall('HSTRLEN', template_key(id), 'data')
  return type(size) == 'number' and size or 0
end

local function rows(entries)
  local found = {}
  for i = 1, #entries, 2 do
    local record = redis.pcall('HMGET', schedule_key(entries[i]), 'rev', 'spec', 'armed', 'updated')
    if record.err then record = {} end
    found[#found + 1] = {entries[i], entries[i + 1], record[1] or '', record[2] or '', record[3] or '', record[4] or '', data_size(entries[i])}
  end
  return found
end

local start = last_score == '' and 0 or rank_behind(last_score, last_id)
local due = redis.call('ZRANGEBYSCORE', index, '-inf', now_score, 'WITHSCORES', 'LIMIT', start, limit)
local coming = redis.call('ZRANGEBYSCORE', index, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local near = {}
for i = 1, #coming, 2 do
  if tonumber(coming[i + 1]) > now + look_ahead then break end
  near[i], near[i + 1] = coming[i], coming[i + 1]
end
local next_due = coming[2] or ''
local check = redis.call('ZRANGEBYSCORE', buffered_schedules, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
if check and (next_due == '' or tonumber(check) < tonumber(next_due)) then next_due = check end
local remembering = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', buffered_schedules, '-inf', now_score, 'LIMIT', 0, limit)) do
  local kind = redis.pcall('HGET', schedule_key(id), 'kind')
  remembering[#remembering + 1] = {id, type(kind) == 'string' and kind or '', data_size(id)}
end
local more = #due / 2 == limit
return {now_us, next_due, more and due[#due] or '', more and due[#due - 1] or '', rows(due), rows(near), remembering}
