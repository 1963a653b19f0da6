-- Runs of schedules: is one still going, and making one. Needs: schedule, runs_as, rq_queueing, overlap, via_rq, prefix.
local scheduled_jobs = prefix .. ':scheduler:scheduled_jobs'

-- What all schedules share, and runs are entered in: a key of a wrong type has to end the script before its first write.
redis.call('SCARD', prefix .. ':queues')
for _, key in ipairs({via_rq, paused_schedules, buffered_schedules, to_plan, unplanned}) do redis.call('ZCARD', key) end

-- An older version left runs that RQ itself has to enqueue among the one-offs.
local function is_run_going(id, status, queue, looked_up)
  if status == 'scheduled' and score_in(scheduled_jobs, id) then return true end
  return is_going(id, status, queue, looked_up)
end

-- Why a schedule cannot run, if so.
local function fault_of(id, job)
  local has_data = redis.pcall('HEXISTS', template_key(id), 'data')
  -- What a user may not read (ACL) is no fault of the schedule.
  if type(has_data) == 'table' and not string.find(has_data.err, 'WRONGTYPE', 1, true) then error(has_data.err, 0) end
  if not job.queue or has_data ~= 1 then
    return 'its job template is gone, or is no hash: put the schedule again, and resume it if it is paused'
  end
  return fault_of_queue(job.queue)
end

-- Writes the job of a run; false when it is there. It enters its queue, or with `for_rq` the set of those that RQ has to enqueue, later,
-- with all others.
local runs_for_rq = {}
local function make_run(id, job, job_id, for_rq, default_timeout)
  local call, key = redis.call, prefix .. ':job:' .. job_id
  if call('COPY', template_key(id), key) == 0 then return false end
  if job.short then call('HSET', key, 'result_ttl', '60') end -- what is gone at once, nobody has seen end
  if for_rq then
    runs_for_rq[#runs_for_rq + 1] = job_id
    call('HSET', key, 'status', 'scheduled', 'created_at', enqueued_at)
    return true
  end
  push_later(job.queue, job_id, job.at_front)
  mark_queued(key, job.timeout, default_timeout, 'created_at', enqueued_at)
  -- RQ's enqueue takes `at_front` as an argument; on the job it would bring a retry to the front too.
  if job.at_front then call('HDEL', key, 'enqueue_at_front') end
  if job.ttl and job.ttl > 0 then expire_job(job_id, job.ttl) end
  return true
end

local function push_runs()
  wait_for_rq(runs_for_rq)
  runs_for_rq = {}
  push_all()
end

-- Makes runs and pushes them, or leaves none of their jobs: one whose job is there counts as made. In the middle, only a user
-- who may not do all of it (ACL) is refused.
local function make_and_push(make)
  local ok, refusal = pcall(function() make() push_runs() end)
  if ok then return end
  local function delete(ids)
    for _, id in ipairs(ids) do redis.pcall('DEL', prefix .. ':job:' .. id) end
  end
  delete(runs_for_rq)
  for _, push in pairs(pushes) do
    delete(push.front)
    delete(push.back)
  end
  error(refusal, 0)
end
