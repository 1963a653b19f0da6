-- The history of a schedule: packed lines, newest first, which only inform. Needs: schedule, now_us.
local HISTORY_LENGTH = 50

local function history_line(outcome, nominal, due, job_id)
  return outcome .. ' ' .. nominal .. ' ' .. due .. ' ' .. now_us .. ' ' .. job_id
end

-- Adds lines, oldest first. It must not turn a finished write into an error.
local function add_lines(id, ...)
  local key = history_key(id)
  local length = redis.pcall('LPUSH', key, ...)
  if type(length) == 'number' and length > HISTORY_LENGTH then redis.pcall('LTRIM', key, 0, HISTORY_LENGTH - 1) end
end

local function add_history(id, lines)
  if #lines > 0 then add_lines(id, unpack(lines, math.max(1, #lines - HISTORY_LENGTH + 1))) end
end
