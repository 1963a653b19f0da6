-- What the scripts that fire schedules share: what they read of one, and when a plan holds. Needs: schedule, clock, index,
-- call_in_chunks.
local KEPT_RUNS = 20
local us = tonumber(now_us)
local call, try = redis.call, redis.pcall
local nobody_remembers = call('ZCARD', buffered_schedules) == 0

local KIND, REV, PAUSED, MARK, LIVE, RUNS, FAILURES, SKIPS, RUNS_AS = 1, 2, 3, 4, 5, 6, 7, 8, 9
local function read_state(key, ...)
  local record = try('HMGET', key, 'kind', 'rev', 'paused', 'mark', 'live', 'runs', 'failures', 'skips_in_a_row', 'runs_as', ...)
  return record.err and {} or record
end

local function count(value) return tonumber(value or '') or 0 end

-- Decimal texts of microseconds, compared exactly.
local function is_behind(nominal, mark)
  if not tonumber(mark or '') then return true end
  if string.byte(nominal) == 45 or string.byte(mark) == 45 then return tonumber(nominal) > tonumber(mark) end
  if #nominal ~= #mark then return #nominal > #mark end
  return nominal > mark
end

-- What a plan does not hold for, if so.
local function untimely(not_before, valid_until)
  if not_before and us < tonumber(not_before) then return 'early' end
  if valid_until and us >= tonumber(valid_until) then return 'stale' end
end

-- The next due time and the id of each that has fired, which is armed in the end.
local armings = {}
local function arm_later(id, due) armings[#armings + 1], armings[#armings + 2] = due, id end
local function arm()
  call_in_chunks('ZADD', index, armings)
  armings = {}
end
