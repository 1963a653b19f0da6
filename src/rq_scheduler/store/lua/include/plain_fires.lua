-- Plain fires, as nearly all are: one run, of a job that goes straight to the end of its queue, and nothing is held up,
-- remembered or counted. In the fewest commands and few tables; the effect is that of the long way (fire_schedules), which
-- serves whatever is not just so. Needs: firing, runs.
local template_prefix, job_prefix = template_key(''), prefix .. ':job:'

-- What the fires by a plan have in common: its one instant, and the line of the history up to the id of the run.
local function share(plan, nominal, due, ending)
  plan.nominal, plan.ending = nominal, ending
  plan.line = table.concat({'enqueued', nominal, due, now_us, ''}, ' ')
end

local function is_due(plan, score)
  if score == plan.score then return true end
  if not same_moment(score, plan.due) then return false end
  plan.score = score
  return true
end

local plain_jobs = {}
local function plain_job(runs_as)
  local job = plain_jobs[runs_as]
  if job == nil then
    job = read_runs_as(runs_as or '')
    job = job.queue and is_queue(job.queue) and not (job.slow or job.at_front or job.ttl) and job
    plain_jobs[runs_as] = job
  end
  return job
end

-- What the list of runs becomes, or nothing when they are to be looked at.
local function live_with(run, live, overlap)
  if not live or live == '' then return run end
  if overlap == 'allow' then
    local _, spaces = string.gsub(live, ' ', ' ')
    return spaces + 2 <= KEPT_RUNS and live .. ' ' .. run
  end
  if string.find(live, ' ', 1, true) then return nil end
  local status = try('HGET', job_prefix .. live, 'status')
  return (status == 'finished' or not status) and run
end

-- An active schedule that remembers a run is in the set of those, which is nearly always empty.
local function remembers(id) return not nobody_remembers and call('ZSCORE', buffered_schedules, id) end

-- Takes note of a fire of a schedule that is due by this plan; false when it is not plain. Only reads.
-- A fire is a list: there are many, and Lua makes a list in half the time of a record.
local FIRE_ID, FIRE_PLAN, FIRE_JOB, FIRE_RUN, FIRE_LIVE, FIRE_KEY, FIRE_TEMPLATE, FIRE_RUNS, FIRE_NUMBER = 1, 2, 3, 4, 5, 6, 7, 8, 9
local plain_fires = {}
local function add_plain(id, key, plan, record, number)
  local failures, skips, mark = record[FAILURES], record[SKIPS], record[MARK]
  if record[KIND] ~= 'schedule' or record[PAUSED] == '1' or (failures and failures ~= '0') or (skips and skips ~= '0')
    or (mark and mark ~= '' and not is_behind(plan.nominal, mark)) or remembers(id) then return false end
  local job, run = plain_job(record[RUNS_AS]), id .. plan.ending
  local live = job and live_with(run, record[LIVE], plan.overlap)
  local template = template_prefix .. id
  if not live or try('HEXISTS', template, 'data') ~= 1 then return false end
  plain_fires[#plain_fires + 1] = {id, plan, job, run, live, key, template, record[RUNS], number}
  return true
end

-- Makes the runs of what was noted. Returns the fires, and those whose run was there.
local function make_plain()
  local made, refused = {}, {}
  make_and_push(function()
    for _, fire in ipairs(plain_fires) do
      local run, job = fire[FIRE_RUN], fire[FIRE_JOB]
      local key = job_prefix .. run
      if call('COPY', fire[FIRE_TEMPLATE], key) == 0 then
        refused[#refused + 1] = fire
      else
        push_later(job.queue, run, false)
        set_queued(key, job)
        made[#made + 1] = fire
      end
    end
  end)
  return made, refused
end

-- What makes the fires final.
local function advance_plain(made)
  for _, fire in ipairs(made) do
    local plan = fire[FIRE_PLAN]
    arm_later(fire[FIRE_ID], plan.next)
    call('HSET', fire[FIRE_KEY], 'mark', plan.nominal, 'armed', plan.armed, 'live', fire[FIRE_LIVE],
      'runs', count(fire[FIRE_RUNS]) + 1, 'last_run_at', now_us, 'last_run_id', fire[FIRE_RUN])
  end
  arm()
  for _, fire in ipairs(made) do add_lines(fire[FIRE_ID], fire[FIRE_PLAN].line .. fire[FIRE_RUN]) end
end
