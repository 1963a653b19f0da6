-- What a script that fires says of it. Nearly all fires are one run that entered its queue, and are only counted. Needs: clock,
-- lateness, tells.
local counts, told, answers = {}, {}, {}

local function tell_run(queue, job_id, due)
  if not tells then return end
  local length = #told
  told[length + 1], told[length + 2], told[length + 3] = job_id, due, queue
end

-- Runs that entered one queue; `bucket`: how late they are (lateness.lua).
local function count_runs(queue, bucket, runs)
  counts[queue] = (counts[queue] or 0) + runs
  lateness.note('scheduled', bucket, runs)
end

-- The counts as a list {queue, number, ...}.
local function counts_told()
  local list = {}
  for queue, number in pairs(counts) do list[#list + 1], list[#list + 2] = queue, number end
  return list
end

-- Tells all of one fire (deciding.lua).
local function tell_fire(fire, is_via_rq)
  local function nominals_of(runs)
    local nominals = {}
    for i, run in ipairs(runs or {}) do nominals[i] = run.nominal end
    return nominals
  end
  local is_done, runs = fire.outcome == 'done', {}
  if fire.repeated then runs = {fire.repeated.id, fire.repeated.due} end
  for _, run in ipairs(is_done and fire.started or {}) do runs[#runs + 1], runs[#runs + 2] = run.id, run.due end
  answers[#answers + 1] = {fire.id, fire.outcome == 'repeated' and 'done' or fire.outcome, fire.job.queue or '', fire.detail or '', runs,
    nominals_of(is_done and fire.skipped), nominals_of(is_done and fire.buffered), fire.stops or {}, is_via_rq and '1' or '0'}
end
