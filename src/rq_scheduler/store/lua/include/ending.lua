-- What is left of a job in RQ once it is off the schedule, and has to expire. RQ keeps whatever a job with result_ttl -1
-- leaves for ever, and so all of a recurring job of 0.14's API. Needs: prefix,
-- clock, overlap.
local A_YEAR = 31536000 -- RQ's own failure TTL
local ended = prefix .. ':scheduler:ended'

local function limit_life(key, seconds)
  if redis.call('TTL', key) == -1 then redis.call('EXPIRE', key, seconds) end
end

-- Its id among the ended jobs of a queue: RQ removes what has a time, but none of the canceled.
local function leave_registries(id, queue, seconds)
  for _, name in ipairs({'finished', 'failed', 'canceled'}) do
    local registry = prefix .. ':' .. name .. ':' .. queue
    local score = score_in(registry, id)
    if score and (seconds == 0 or name == 'canceled') then
      redis.call('ZREM', registry, id)
    elseif score and (score < 0 or score == math.huge) then
      redis.call('ZADD', registry, 'XX', string.format('%.6f', now + seconds), id)
    end
  end
end

-- What its runs have left beside the job.
local function let_traces_expire(id, queue, seconds)
  limit_life(prefix .. ':results:' .. id, seconds)
  if queue then leave_registries(id, queue, seconds) end
end

local function let_job_expire(id, seconds)
  local key = prefix .. ':job:' .. id
  for _, each in ipairs({key, key .. ':dependents', prefix .. ':job::' .. id .. ':dependencies'}) do limit_life(each, seconds) end
end

-- A job that was canceled through RQ, which would keep it for ever.
local function let_canceled_expire(id)
  local job = redis.call('HMGET', prefix .. ':job:' .. id, 'failure_ttl', 'origin')
  local seconds = tonumber(job[1] or '')
  seconds = seconds and seconds > 0 and math.ceil(seconds) or A_YEAR
  let_job_expire(id, seconds)
  let_traces_expire(id, job[2], seconds)
end

-- The last run of a series is one like any other: RQ keeps what it leaves for a year.
local function limit_last_run(key)
  local ttls = redis.call('HMGET', key, 'result_ttl', 'failure_ttl')
  if ttls[1] == '-1' then redis.call('HSET', key, 'result_ttl', A_YEAR) end
  if (tonumber(ttls[2] or '') or -1) < 0 then redis.call('HSET', key, 'failure_ttl', A_YEAR) end
end

-- Whether RQ will still write to a job: a run waits or goes on, or a worker has died with it, which RQ notices later.
local function is_in_rq(id, status, queue) return status == 'started' or is_going(id, status, queue or '', '') end

-- Has the job looked at later (tend_ended), if a run of it is not over. Protected: a key of a wrong type must not leave an entry
-- half ended.
local function see_to_run(id, status, queue)
  if not is_in_rq(id, status, queue) then return false end
  redis.pcall('ZADD', ended, now_score, id)
  return true
end

-- Ends a recurring job: what is left of it, and will be of a run that is not over, is kept for so long. `queue`: where its record says that it ran; `traces`: seconds for what is beside the job.
local function end_series(id, queue, seconds, traces)
  local key = prefix .. ':job:' .. id
  local job = redis.pcall('HMGET', key, 'status', 'origin')
  if job.err then return end
  if see_to_run(id, job[1], job[2]) and job[1] == 'queued' then limit_last_run(key) end
  let_job_expire(id, seconds)
  traces = job[1] and traces or 0 -- of a job that is gone, nothing is to be seen
  let_traces_expire(id, queue, traces)
  if job[2] and job[2] ~= queue then let_traces_expire(id, job[2], traces) end
end

-- A worker that runs a job writes it back when the job is deleted meanwhile: when that job was made, for as long as it may run.
local function deleted_key(id) return prefix .. ':scheduler:ended:' .. id end

local function expect_it_back(id, key)
  local job = redis.call('HMGET', key, 'created_at', 'timeout')
  local timeout = tonumber(job[2] or '') or -1
  local seconds = timeout > 0 and math.min(math.ceil(timeout), 86400) or 86400
  redis.call('SET', deleted_key(id), job[1] or '', 'EX', seconds + 60)
end
