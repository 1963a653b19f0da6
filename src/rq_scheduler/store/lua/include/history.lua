-- The history of a schedule: packed lines, newest first, which only inform (store/history.py reads them). Needs: schedule, now_us.
local history_line, long_time, add_lines, add_history
do
  local HISTORY_LENGTH = 50
  local us = tonumber(now_us)
  local LINE_KINDS = {enqueued = 'e', backfill = 'b', failed = 'q', skipped = 'k'}

  -- Microseconds, in seconds where they are whole ones.
  local short_times = {} -- many schedules share one
  local function short_time(us)
    local short = short_times[us]
    if not short then
      short = #us > 6 and string.sub(us, -6) == '000000' and string.sub(us, 1, -7) .. 's' or us
      short_times[us] = short
    end
    return short
  end

  function long_time(text)
    return string.byte(text, -1) == 115 and string.sub(text, 1, -2) .. '000000' or text
  end

  -- A run that is handed off now, by the dispatcher of that number: 'kind nominal jitter lateness dispatcher', lengths in us (`due` may be
  -- a number). What is skipped is a stretch of one: 'k first last count now held-up-by', the end of a job id.
  function history_line(outcome, nominal, due, job_id, dispatcher, held_up_by)
    local kind = LINE_KINDS[outcome] or 'm' .. (string.match(job_id, '%-m(%d+)$') or '')
    if kind == 'k' then
      local at = short_time(nominal)
      return 'k ' .. at .. ' ' .. at .. ' 1 ' .. now_us .. ' ' .. (held_up_by or '-')
    end
    local jitter_and_lateness = string.format('%d %d', due == nominal and 0 or due - nominal, us - due)
    return kind .. ' ' .. short_time(nominal) .. ' ' .. jitter_and_lateness .. ' ' .. (dispatcher or '-')
  end

  -- The stretch of skips that goes on with another one, or nil.
  local function longer_stretch(line, other)
    local first, count, held = string.match(line, '^k (%S+) %S+ (%d+) %S+ (%S+)$')
    local last, more, at, other_held = string.match(other, '^k %S+ (%S+) (%d+) (%S+) (%S+)$')
    if not first or not last or held ~= other_held then return nil end
    return table.concat({'k', first, last, string.format('%d', count + more), at, held}, ' ')
  end

  -- Adds lines, oldest first, and keeps so many. It must not turn a finished write into an error.
  function add_lines(id, kept, ...)
    local key = history_key(id)
    kept = kept and tonumber(kept) or HISTORY_LENGTH
    if kept == 0 then return end
    local length = redis.pcall('LPUSH', key, ...)
    if type(length) == 'number' and length > kept then redis.pcall('LTRIM', key, 0, kept - 1) end
  end

  -- The same; skips that follow each other, held up by one run, are one line.
  function add_history(id, lines, kept)
    local newest = lines[1] and string.byte(lines[1]) == 107 and redis.pcall('LINDEX', history_key(id), 0)
    newest = type(newest) == 'string' and newest
    local added, is_stored = {}, newest
    for _, line in ipairs(lines) do
      local longer = newest and longer_stretch(newest, line)
      if longer and is_stored then
        redis.pcall('LSET', history_key(id), 0, longer)
        newest = longer
      elseif longer then
        added[#added], newest = longer, longer
      else
        added[#added + 1], newest, is_stored = line, line, false
      end
    end
    if #added > 0 then add_lines(id, kept, unpack(added, math.max(1, #added - 1000 + 1))) end
  end
end
