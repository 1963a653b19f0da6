-- RQ's job of an id that is planned again: whether RQ has one that it is not done with, what is noted of it, and what it leaves.
-- Needs: prefix, clock, overlap, ending.
local LIVE = {queued = true, started = true, deferred = true, ready_to_enqueue = true, rate_limited = true}

-- A job that was deleted as it ended, and that a late heartbeat of its worker has brought back: the worker sees that, and deletes
-- the key at once, whatever it is by then.
local function is_heartbeat_only(key)
  return redis.call('HLEN', key) == 1 and redis.call('HEXISTS', key, 'last_heartbeat') == 1
end

-- Whether a hash is, or may be, a live job, by what it says itself. `is_pending`: the id stands in our index.
local function may_be_live(id, key, is_pending)
  local job = redis.call('HMGET', key, 'status', 'origin')
  local status = job[1]
  if LIVE[status] or not status and is_heartbeat_only(key) then return true end
  return status == 'scheduled' and not is_pending and is_going(id, status, job[2] or '', '')
end

-- How many runs a worker has ended, in words; nil when it is gone.
local function runs_ended_by(worker)
  local told = redis.pcall('HMGET', prefix .. ':worker:' .. worker, 'birth', 'successful_job_count', 'failed_job_count')
  return not told.err and told[1] and table.concat({told[1], told[2] or '0', told[3] or '0'}, ' ') or nil
end

-- Notes what is seen of it in the hash of what is planned (`key`), in fields that no job has, where that is another than before.
local SEEN = {'seen:status', 'seen:queue', 'seen:worker', 'seen:ended', 'seen:searched', 'seen:missing'}
local function note_live(key, job, seen)
  local status, queue, worker = job[1] or '', job[2] or '', job[3]
  if status ~= seen.status or queue ~= seen.queue then redis.call('HSET', key, 'seen:status', status, 'seen:queue', queue) end
  local ended = status == 'started' and worker and runs_ended_by(worker)
  if ended and ended ~= seen.ended then redis.call('HSET', key, 'seen:worker', worker, 'seen:ended', ended) end
end

-- What one that has ended leaves beside its hash. Its dependents are RQ's: some may still be about to be enqueued.
local function remove_traces(id, queue)
  remove_dead_executions(id, queue)
  leave_registries(id, queue, 0)
  redis.call('DEL', prefix .. ':results:' .. id, prefix .. ':job::' .. id .. ':dependencies')
end
