-- How the runs of a schedule have ended so far, as one text of its record: 'succeeded failed in-a-row since last-success last-failure
-- mean last-outcomes', moments and the mean duration in us, '-' for none. Ends before `since` do not count in a row: a resume.
local tally = {}
do
  local OUTCOMES_KEPT, MEAN_OF = 20, 20

  function tally.read(text)
    local succeeded, failed, row, since, last_success, last_failure, mean, outcomes =
      string.match(text or '', '^(%d+) (%d+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
    if not succeeded then return {succeeded = 0, failed = 0, row = 0, outcomes = ''} end
    return {succeeded = tonumber(succeeded), failed = tonumber(failed), row = tonumber(row), outcomes = outcomes ~= '-' and outcomes or '',
      since = tonumber(since), last_success = tonumber(last_success), last_failure = tonumber(last_failure), mean = tonumber(mean)}
  end

  -- Of whole numbers, %d is a good deal quicker than %.0f.
  local function number_text(number) return number and string.format('%d', math.floor(number + 0.5)) or '-' end

  function tally.text(t)
    return string.format('%d %d %d ', t.succeeded, t.failed, t.row) .. number_text(t.since) .. ' ' .. number_text(t.last_success) .. ' '
      .. number_text(t.last_failure) .. ' ' .. number_text(t.mean) .. ' ' .. (t.outcomes ~= '' and t.outcomes or '-')
  end

  -- What is to stand in the record once a person has paused or resumed it: failures in a row are counted anew from that moment (us).
  function tally.begun_anew(text, us)
    if not text then return nil end
    local t = tally.read(text)
    t.row, t.since = 0, us
    return tally.text(t)
  end

  function tally.add_outcome(t, letter) t.outcomes = string.sub(t.outcomes .. letter, -OUTCOMES_KEPT) end

  -- A run that succeeded at that moment (us), after so long, if that is known. `failures_after(us)`: how many failures came later.
  function tally.succeed(t, at, duration, failures_after)
    t.succeeded = t.succeeded + 1
    if t.row > 0 then t.row = t.last_failure and t.last_failure > at and math.min(t.row, math.max(1, failures_after(at))) or 0 end
    t.last_success = math.max(t.last_success or at, at)
    if duration and duration >= 0 then
      local before = math.min(t.succeeded - 1, MEAN_OF - 1)
      t.mean = t.mean and t.mean + (duration - t.mean) / (before + 1) or duration
    end
  end

  -- One that failed.
  function tally.fail(t, at)
    t.failed = t.failed + 1
    if at > (t.last_success or -math.huge) and at >= (t.since or -math.huge) then t.row = t.row + 1 end
    t.last_failure = math.max(t.last_failure or at, at)
  end
end
