-- Plain fires, as nearly all are: one run, on time, of a job that goes to the end of its queue; nothing limits it, is buffered or counted,
-- and the run before has finished. They have few questions, commands and tables, and the effect that `firing` has, which serves all
-- others. Fills the table `plain`. Needs: firing, and what that needs.
do
  local ID, KEY, TEMPLATE, JOB_ID, JOB, INSTANT, RUNS = 1, 2, 3, 4, 5, 6, 7
  local record_prefix, template_prefix, job_prefix = schedule_key(''), template_key(''), prefix .. ':job:'
  local type = type

  local function is_set(value) return value and value ~= '' and value ~= '0' end

  -- Microseconds of sixteen digits, as all from 2001 to 2286 have, are in the order of their texts.
  local function is_earlier(mark, nominal) return #mark == 16 and #nominal == 16 and mark < nominal end

  local plain_jobs = {}
  local function plain_job(text)
    local job = plain_jobs[text]
    if job == nil then
      job = read_runs_as(text or '')
      job = not (fault_of_queue(job.queue) or goes_via_rq(job) or job.at_front or job.ttl or job.short) and job
      plain_jobs[text] = job
    end
    return job
  end

  -- The instant of a plain fire by these texts, with its job; nil when they make none. It has the texts of the last one that asked: many
  -- have the same.
  local function read(plan, armed, policy_text, runs_as, score)
    local policy = policy_of(policy_text)
    local instant, job = policy and policy.is_plain and on_time(plan, armed, policy, us), plain_job(runs_as)
    if not (instant and job and is_due_at(instant, score)) then return nil end
    instant.policy, instant.runs_as, instant.job = policy_text, runs_as, job
    return instant
  end

  -- The fire of a schedule that is due, and the bytes of its call; nil when it is not plain. Only reads.
  function plain.fire(id, score)
    local key = record_prefix .. id
    local record = try('HMGET', key, 'rev', 'plan_rev', 'plan', 'armed', 'policy', 'runs_as', 'mark', 'live', 'runs', 'keep_runs',
      'skips_in_a_row', 'looked_for')
    local rev, plan, armed, policy, mark, live = record[1], record[3], record[4], record[5], record[7], record[8]
    if not (rev and rev == record[2] and plan and armed and policy and nobody_buffers) then return nil end
    if record[10] or is_set(record[11]) or is_set(record[12]) then return nil end
    local instant, runs_as = read_plans[plan], record[6]
    if not instant or instant.at ~= armed or instant.policy ~= policy or instant.runs_as ~= runs_as or instant.score ~= score then
      instant = read(plan, armed, policy, runs_as, score)
      if not instant then return nil end
    end
    if mark and mark ~= '' and not is_earlier(mark, instant.nominal) then return nil end
    if live and live ~= '' and try('HGET', job_prefix .. live, 'status') ~= 'finished' then return nil end
    local template = template_prefix .. id
    local size = try('HSTRLEN', template, 'data')
    if type(size) ~= 'number' or size == 0 then return nil end
    return {id, key, template, id .. instant.ending, instant.job, instant, record[9]}, size
  end

  -- Writes the job of its run. Returns the fire; where that job is there, which counts as made, one without a run, which is not plain.
  function plain.make(fire)
    local job_id, job = fire[JOB_ID], fire[JOB]
    local key = job_prefix .. job_id
    if call('COPY', fire[TEMPLATE], key) == 0 then
      local record = read_record(fire[ID])
      local other = new_fire(fire[ID], record, 'due', policy_of(record[POLICY]), {fire[INSTANT]})
      other.job, other.outcome = job, 'done'
      return other
    end
    push_later(job.queue, job_id, false)
    mark_queued(key, job.timeout, default_timeout, 'created_at', enqueued_at)
    return fire
  end

  function plain.advance(fire)
    local instant, job_id = fire[INSTANT], fire[JOB_ID]
    call('HSET', fire[KEY], 'mark', instant.nominal, 'armed', instant.follower, 'live', job_id, 'runs', count(fire[RUNS]) + 1,
      'last_run_at', now_us, 'last_run_id', job_id)
    arm_follower(fire[ID], instant)
  end

  function plain.keep_books(fire)
    local id, instant = fire[ID], fire[INSTANT]
    local queue = fire[JOB].queue
    if not instant.line then
      instant.line = history_line('enqueued', instant.nominal, instant.due_us, '', open_runs.number_of(dispatcher))
      instant.bucket = lateness.bucket(us - instant.due_us)
    end
    add_lines(id, nil, instant.line)
    open_runs.add_new(id, instant.ending)
    count_run(queue, fire[JOB_ID], instant.due, instant.bucket)
    counters.hand_off('scheduled', queue, 1)
  end
end
