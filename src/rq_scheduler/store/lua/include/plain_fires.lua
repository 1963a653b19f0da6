-- Plain fires, as nearly all are: one run, of a job that goes straight to the end of its queue, and nothing is held up,
-- remembered or counted. In the fewest commands and few tables; the effect is that of the long way (fire_schedules), which
-- serves whatever is not just so. Needs: what that has defined before.
local schedule_prefix, template_prefix, job_prefix = schedule_key(''), template_key(''), prefix .. ':job:'

local function prepare_plain(plan)
  local instant = plan.instants[1]
  plan.plain = plan.mode == 'due' and plan.next and instant and not plan.instants[2] and nobody_remembers
    and not (all_slow or MOST_REMEMBERED[plan.overlap] or plan.untimely or plan.missed or plan.most_runs
      or plan.most_failures or plan.looked_for)
  if plan.plain then
    plan.nominal, plan.ending = instant[1], instant[3]
    plan.line = table.concat({'enqueued', instant[1], instant[2], now_us, ''}, ' ')
  end
  return plan.plain
end

local function is_plain_job(job)
  if job.plain == nil then
    job.plain = job.queue and is_queue(job.queue) and not (job.slow or job.at_front or job.ttl) or false
  end
  return job.plain
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

-- The fire, or nothing when it is not plain. Only reads.
local function plain_fire(id, rev, score, plan)
  if score ~= plan.score then
    if not same_moment(score, plan.due) then return nil end
    plan.score = score
  end
  local key = schedule_prefix .. id
  local record = read_state(key)
  local failures, skips, mark = record[FAILURES], record[SKIPS], record[MARK]
  if record[REV] ~= rev or record[KIND] ~= 'schedule' or record[PAUSED] == '1'
    or (failures and failures ~= '0') or (skips and skips ~= '0')
    or (mark and not is_behind(plan.nominal, mark)) then return nil end
  local job, run = read_runs_as(record[RUNS_AS] or ''), id .. plan.ending
  local live = is_plain_job(job) and live_with(run, record[LIVE], plan.overlap)
  if not live or try('HEXISTS', template_prefix .. id, 'data') ~= 1 then return nil end
  return {id = id, key = key, plan = plan, job = job, run = run, live = live, runs = count(record[RUNS]) + 1}
end

-- Makes the run, unless there is a job of its id.
local function make_plain(fire)
  local key, job = job_prefix .. fire.run, fire.job
  if call('COPY', template_prefix .. fire.id, key) == 0 then return false end
  if job.timeout ~= '' then
    call('HSET', key, 'status', 'queued', 'created_at', enqueued_at, 'enqueued_at', enqueued_at)
  else
    call('HSET', key, 'status', 'queued', 'created_at', enqueued_at, 'enqueued_at', enqueued_at, 'timeout', default_timeout)
  end
  push_later(job.queue, fire.run, false)
  return true
end

local function advance_plain(fire)
  local plan, arming = fire.plan, #armings
  armings[arming + 1], armings[arming + 2] = plan.next, fire.id
  call('HSET', fire.key, 'mark', plan.nominal, 'armed', plan.armed, 'live', fire.live, 'runs', fire.runs,
    'last_run_at', now_us, 'last_run_id', fire.run)
end
