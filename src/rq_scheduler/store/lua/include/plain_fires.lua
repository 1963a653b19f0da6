-- Plain fires, as nearly all are: one run, on time, of a job that goes to the end of its queue; nothing limits it, is buffered or counted,
-- and the run before has finished. They have few questions, commands and tables, and the effect that `deciding` and `firing` have,
-- which serve all others. Fills the table `plain`. Needs: firing, and what that needs.
local function fill_plain() -- a function, since a script has at most 200 locals
  local ID, KEY, TEMPLATE, JOB_ID, JOB, INSTANT, RUNS, FOLLOWER, NEXT_SCORE = 1, 2, 3, 4, 5, 6, 7, 8, 9
  local record_prefix, template_prefix, job_prefix = schedule_key(''), template_key(''), prefix .. ':job:'
  local byte, find, match, sub, type = string.byte, string.find, string.match, string.sub, type

  local function is_set(value) return value and value ~= '' and value ~= '0' end

  -- Microseconds of sixteen digits, as all from 2001 to 2286 have, are in the order of their texts.
  local function is_time(text) return #text == 16 end
  local function is_earlier(mark, nominal) return is_time(mark) and mark < nominal end

  local plain_jobs = {}
  local function plain_job(text)
    local job = read_runs_as(text or '')
    job = not (fault_of_queue(job.queue) or goes_via_rq(job) or job.at_front or job.ttl or job.short) and job
    plain_jobs[text or ''] = job
    return job
  end

  -- The armed instant by the text of a record; false when it is not due. Many schedules share one.
  local instants = {}
  local function instant_at(armed)
    local nominal, due = match(armed, '^(%d+):(%d+)$')
    local late = nominal and is_time(now_us) and is_time(nominal) and is_time(due) and us - due
    instants[armed] = late and late >= 0 and
      {nominal = nominal, due = due, late = late, ending = run_ending(nominal), score = false, line = false, bucket = false}
    return instants[armed]
  end

  -- What follows an instant in a plan, 'nominal:due', and the score of that; '' when it is the last one, nil when Python has to say. It
  -- has the answer to whoever asked last: many have the same plan.
  local last_plan, last_armed, follower, next_score
  local function look_behind(plan, armed)
    last_plan, last_armed, follower, next_score = plan, armed, nil, nil
    local first, last = find(plan, armed, 1, true)
    if not first or (first > 1 and byte(plan, first - 1) ~= 32) then return end
    local next_armed, due = match(plan, '^ (%d+:(%d+))', last + 1)
    if due and is_time(due) and due > now_us then
      follower, next_score = next_armed, sub(due, 1, 10) .. '.' .. sub(due, 11)
    elseif not due and sub(plan, last + 1) == ' -' then
      follower = ''
    end
  end

  -- The fire of a schedule that is due, and the bytes of its call; nil when it is not plain. Only reads.
  function plain.fire(id, score)
    local key = record_prefix .. id
    local record = try('HMGET', key, 'rev', 'plan_rev', 'plan', 'armed', 'policy', 'runs_as', 'mark', 'live', 'runs', 'keep_runs',
      'skips_in_a_row', 'looked_for')
    local rev, plan, armed, policy, mark, live = record[1], record[3], record[4], record[5], record[7], record[8]
    if not (rev and rev == record[2] and plan and armed and policy and nobody_buffers) then return nil end
    if record[10] or is_set(record[11]) or is_set(record[12]) then return nil end
    local instant = instants[armed]
    if instant == nil then instant = instant_at(armed) end
    if not instant then return nil end
    if instant.score ~= score then
      if not same_moment(score, instant.due / 1000000) then return nil end
      instant.score = score
    end
    policy = policy_of(policy)
    if not (policy and policy.on_time and instant.late <= policy.on_time) then return nil end
    local job = plain_jobs[record[6] or '']
    if job == nil then job = plain_job(record[6]) end
    if not job or (mark and mark ~= '' and not is_earlier(mark, instant.nominal)) then return nil end
    if plan ~= last_plan or armed ~= last_armed then look_behind(plan, armed) end
    if not follower then return nil end
    if live and live ~= '' and try('HGET', job_prefix .. live, 'status') ~= 'finished' then return nil end
    local template = template_prefix .. id
    local size = try('HSTRLEN', template, 'data')
    if type(size) ~= 'number' or size == 0 then return nil end
    return {id, key, template, id .. instant.ending, job, instant, record[9], follower, next_score}, size
  end

  -- Writes the job of its run. Returns the fire; where that job is there, which counts as made, one without a run, which is not plain.
  function plain.make(fire)
    local job_id, job = fire[JOB_ID], fire[JOB]
    local key = job_prefix .. job_id
    if call('COPY', fire[TEMPLATE], key) == 0 then
      local other = due_fire(fire[ID], fire[INSTANT].score, read_record(fire[ID]), 1)
      other.job, other.outcome = job, 'done'
      return other
    end
    push_later(job.queue, job_id, false)
    mark_queued(key, job.timeout, default_timeout, 'created_at', enqueued_at)
    return fire
  end

  function plain.advance(fire)
    local id, job_id = fire[ID], fire[JOB_ID]
    call('HSET', fire[KEY], 'mark', fire[INSTANT].nominal, 'armed', fire[FOLLOWER], 'live', job_id, 'runs', count(fire[RUNS]) + 1,
      'last_run_at', now_us, 'last_run_id', job_id)
    if fire[NEXT_SCORE] then
      local length = #armings
      armings[length + 1], armings[length + 2] = fire[NEXT_SCORE], id
    else
      call('ZREM', index, id)
    end
  end

  -- How many runs a queue has had with that delay: counted together.
  local counted = {}
  function plain.keep_books(fire)
    local id, instant, queue = fire[ID], fire[INSTANT], fire[JOB].queue
    if not instant.line then
      instant.line = history_line('enqueued', instant.nominal, instant.due, '', open_runs.number_of(dispatcher))
      instant.bucket = lateness.bucket(instant.late)
    end
    add_lines(id, nil, instant.line)
    open_runs.add_new(id, instant.ending)
    local buckets = counted[queue]
    if not buckets then
      buckets = {}
      counted[queue] = buckets
    end
    buckets[instant.bucket] = (buckets[instant.bucket] or 0) + 1
    tell_run(queue, fire[JOB_ID], instant.due)
  end

  function plain.count()
    for queue, buckets in pairs(counted) do
      for bucket, runs in pairs(buckets) do
        count_runs(queue, bucket, runs)
        counters.hand_off('scheduled', queue, runs)
      end
    end
    counted = {}
  end
end
fill_plain()
