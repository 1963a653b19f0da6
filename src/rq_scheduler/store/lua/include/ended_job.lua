-- Whether RQ's job of an id has ended, from look to look. Needs: prefix, clock, overlap, ending, live_job.
local A_MINUTE = 60

-- Items of queues that one script may look through, a few milliseconds: what is in a longer queue waits until that is shorter.
local searchable = 100000
local function may_search(queue)
  local length = redis.pcall('LLEN', queue)
  if type(length) ~= 'number' then return true end
  if length > searchable then return false end
  searchable = searchable - length
  return true
end

local function queue_lists(queue)
  local key = prefix .. ':queue:' .. queue
  return {key, key .. ':intermediate'}
end

local function is_in_lists(id, queue)
  for _, list in ipairs(queue_lists(queue)) do
    if type(redis.pcall('LPOS', list, id)) == 'number' then return true end
  end
  return false
end

-- A queued job that is nowhere: its queue was deleted, or a worker died as it took the job. It is nowhere for a moment, too, while
-- a worker takes it: so it has to be seen so twice, a minute apart.
local function is_lost(id, key, queue, enqueued_at, seen)
  if has_live_execution(id, queue) then return false end
  local searched = tonumber(seen.searched or '')
  if not searched then
    redis.call('HSET', key, 'seen:searched', now_score)
  elseif now - searched >= A_MINUTE and may_search(queue_lists(queue)[1]) then
    local is_missing = not is_in_lists(id, queue)
    if is_missing and seen.missing == enqueued_at then return true end
    redis.call('HSET', key, 'seen:searched', now_score, 'seen:missing', is_missing and enqueued_at or '')
  end
  return false
end

-- A job that was deleted or canceled while it ran: its worker goes on, and writes all of it back in the end.
local function is_with_its_worker(seen)
  return seen.status == 'started' and seen.worker and seen.ended == runs_ended_by(seen.worker)
end

-- A job that expired, or was deleted by hand, in its queue: a worker that comes to its id there would take the new one.
local function leave_lists(id, queue)
  local lists = queue_lists(queue)
  if not may_search(lists[1]) then return false end
  for _, list in ipairs(lists) do redis.pcall('LREM', list, 0, id) end
  return true
end

-- `key`: the hash of what is planned. Returns whether the job has ended, and the queue that it was in.
local function has_ended(id, key)
  local job_key = prefix .. ':job:' .. id
  local job = redis.pcall('HMGET', job_key, 'status', 'origin', 'worker_name', 'enqueued_at')
  if job.err then return false end
  local seen = redis.call('HMGET', key, unpack(SEEN))
  seen = {status = seen[1], queue = seen[2], worker = seen[3], ended = seen[4], searched = seen[5], missing = seen[6]}
  local status, queue = job[1], job[2] or seen.queue or ''
  if status and status ~= 'canceled' then
    if status ~= 'queued' and not is_going(id, status, queue, '') then return true, queue end
    note_live(key, job, seen)
    return status == 'queued' and is_lost(id, key, queue, job[4] or '', seen), queue
  end
  if not status and is_heartbeat_only(job_key) then
    limit_life(job_key, A_MINUTE) -- should the worker die before it deletes that
    return false
  end
  if is_with_its_worker(seen) then return false end
  return seen.status ~= 'queued' or leave_lists(id, queue), queue
end
