-- Runs of schedules: is one still going, and making one. Needs: schedule, rq_queueing, overlap, now, now_us, now_score,
-- prefix, default_timeout, all_slow.
local scheduled_jobs = prefix .. ':scheduler:scheduled_jobs'

-- What all schedules share, and runs are entered in: a key of a wrong type has to end the script before its first write.
redis.call('SCARD', prefix .. ':queues')
for _, key in ipairs({scheduled_jobs, paused_schedules, buffered_schedules}) do redis.call('ZCARD', key) end

-- A run that RQ itself has to enqueue waits among the one-offs for a moment.
local function is_run_going(id, status, queue, looked_up)
  if status == 'scheduled' and redis.call('ZSCORE', scheduled_jobs, id) then return true end
  return is_going(id, status, queue, looked_up)
end

local TEMPLATE_FIELDS = {'origin', 'timeout', 'ttl', 'enqueue_at_front', 'failure_ttl'}

-- What a run of this schedule needs to know of its template; a second value says why it cannot run.
local function read_template(id)
  local values = redis.pcall('HMGET', template_key(id), unpack(TEMPLATE_FIELDS))
  if values.err or not values[1] then
    return nil, 'its job template is gone, or is no hash: put the schedule again, and resume it if it is paused'
  end
  if not is_queue(values[1]) then
    return nil, 'the key ' .. prefix .. ':queue:' .. values[1] .. ' is not the list of a queue'
  end
  return {queue = values[1], timeout = values[2], ttl = tonumber(values[3] or ''), at_front = values[4] == '1',
    failure_ttl = values[5]}
end

-- Writes the job of a run; repeating it changes nothing. The push comes later, with all others of its queue.
local function make_run(id, template, job_id, slow)
  local key = prefix .. ':job:' .. job_id
  redis.call('COPY', template_key(id), key)
  if slow or all_slow then
    -- A one-off that is due now: the dispatchers let RQ's own code enqueue those.
    redis.call('HSET', key, 'status', 'scheduled', 'created_at', enqueued_at)
    redis.call('ZADD', scheduled_jobs, now_score, job_id)
    redis.pcall('PUBLISH', prefix .. ':scheduler:wakeup', now_score)
    return
  end
  local fields = {'status', 'queued', 'created_at', enqueued_at, 'enqueued_at', enqueued_at}
  if not template.timeout or template.timeout == '' then
    fields[#fields + 1] = 'timeout'
    fields[#fields + 1] = default_timeout
  end
  redis.call('HSET', key, unpack(fields))
  -- RQ's enqueue takes `at_front` as an argument; on the job it would bring a retry to the front too.
  if template.at_front then redis.call('HDEL', key, 'enqueue_at_front') end
  if template.ttl and template.ttl > 0 then expire_job(job_id, template.ttl) end
  push_later(template.queue, job_id, template.at_front)
end

local function push_runs()
  register_queues()
  for _, queue in ipairs(queue_order) do
    call_in_chunks('LPUSH', prefix .. ':queue:' .. queue, pushes[queue].front)
    call_in_chunks('RPUSH', prefix .. ':queue:' .. queue, pushes[queue].back)
  end
end

local HISTORY_LENGTH = 50

-- Adds lines (oldest first) to the history, which only informs: it must not turn a finished write into an error.
local function add_history(id, lines)
  if #lines == 0 then return end
  redis.pcall('LPUSH', history_key(id), unpack(lines, math.max(1, #lines - HISTORY_LENGTH + 1)))
  redis.pcall('LTRIM', history_key(id), 0, HISTORY_LENGTH - 1)
end
