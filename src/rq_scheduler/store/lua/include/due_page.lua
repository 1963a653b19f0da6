-- A page of schedules that are due, and what comes after it: those that soon will be, and those that remember a run. Needs:
-- clock, schedule, seek, index, and ARGV 2 to 8 as read_due has them.
local last_score, last_id, limit, look_ahead = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local ahead_score, ahead_id, ahead_limit = ARGV[6], ARGV[7], tonumber(ARGV[8])

-- {id, due, ...}
local function read_page()
  local start = last_score == '' and 0 or rank_behind(last_score, last_id)
  return redis.call('ZRANGEBYSCORE', index, '-inf', now_score, 'WITHSCORES', 'LIMIT', start, limit)
end

-- What planning needs of one.
local function row_of(id, due)
  local row = redis.pcall('HMGET', schedule_key(id), 'rev', 'spec', 'armed', 'updated', 'size')
  if row.err then row = {false, false, false, false, false} end
  row[6], row[7] = id, due
  return row
end

local function rows(entries)
  local found = {}
  for i = 1, #entries, 2 do found[#found + 1] = row_of(entries[i], entries[i + 1]) end
  return found
end

local function read_near(next_due)
  local near = {}
  if ahead_limit == 0 or next_due == '' or tonumber(next_due) > now + look_ahead then return near end
  local is_read = ahead_score ~= '' and tonumber(ahead_score) > now
  local first = is_read and rank_behind(ahead_score, ahead_id) or redis.call('ZCOUNT', index, '-inf', now_score)
  local coming = redis.call('ZRANGE', index, first, first + ahead_limit - 1, 'WITHSCORES')
  for i = 1, #coming, 2 do
    if tonumber(coming[i + 1]) > now + look_ahead then break end
    near[i], near[i + 1] = coming[i], coming[i + 1]
  end
  return near
end

-- The answer: of the page, what is to be planned. `more`: whether something may be due behind it.
local function answer_page(page, unplanned, more)
  local next_due = redis.call('ZRANGEBYSCORE', index, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or ''
  local near = more and {} or read_near(next_due) -- what is due comes first
  local check = redis.call('ZRANGEBYSCORE', buffered_schedules, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if check and (next_due == '' or tonumber(check) < tonumber(next_due)) then next_due = check end
  local remembering = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', buffered_schedules, '-inf', now_score, 'LIMIT', 0, limit)) do
    local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'size')
    remembering[#remembering + 1] = {id, record[1] or '', record[2] or '0'}
  end
  return {now_us, next_due, more and page[#page] or '', more and page[#page - 1] or '', unplanned, rows(near), remembering}
end
