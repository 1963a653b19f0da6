-- What the scripts that touch a recurring job of the 0.14 API share: its record, and what ends with it.
-- Needs: prefix.
local function schedule_key(id) return prefix .. ':scheduler:schedule:' .. id end

local schedules = prefix .. ':scheduler:schedules'
local recurring_jobs = schedules .. ':jobs'

-- The sets that list a recurring job among the schedules.
local function lists_of(queue)
  return {schedules, recurring_jobs, schedules .. ':queue:' .. (queue or '')}
end

-- Protected: people are shown these sets, and no run depends on one. A key of a wrong type must not leave a job half saved.
-- Returns the queue that it was listed under, if any.
local function unlist_schedule(id)
  local queue = redis.pcall('HGET', schedule_key(id), 'queue')
  queue = type(queue) == 'string' and queue
  for _, list in ipairs(lists_of(queue)) do redis.pcall('ZREM', list, id) end
  return queue
end

-- In the index they are among all pending jobs: their own list says which of them runs next (see read_coming).
local function list_as_due(id, score) redis.pcall('ZADD', recurring_jobs, score, id) end

local function list_schedule(id, queue, score)
  unlist_schedule(id)
  redis.call('HSET', schedule_key(id), 'queue', queue)
  for _, list in ipairs(lists_of(queue)) do redis.pcall('ZADD', list, list == recurring_jobs and score or 0, id) end
end

-- A 0.14-style schedule leaves nothing behind: its id may be used again at once, for anything. What `put` wrote under the
-- id of an entry (0.14's clients ask nobody whether it is free) is no such record. Returns the queue of its runs, if it had a
-- record: what they have left in RQ is the caller's matter (ending).
local function forget_schedule(id)
  if redis.pcall('HGET', schedule_key(id), 'kind') == 'schedule' then return end
  local queue = unlist_schedule(id)
  redis.call('DEL', schedule_key(id), prefix .. ':scheduler:history:' .. id)
  for _, set in ipairs({'buffered', 'to_plan', 'unplanned', 'schedules:failing', 'schedules:running'}) do
    redis.pcall('ZREM', prefix .. ':scheduler:' .. set, id)
  end
  return queue
end

-- A minute before it is due, or at once, Python plans it. Protected, since at the due time itself the dispatchers find it too.
local PLAN_LEAD = 60
local function have_planned(id, score)
  redis.pcall('ZADD', prefix .. ':scheduler:to_plan', string.format('%.6f', tonumber(score) - PLAN_LEAD), id)
end

-- Fields that one run leaves on a job: never part of the copy from which an expired job is rebuilt.
local LEFT_BY_A_RUN = {status = true, enqueued_at = true, started_at = true, ended_at = true,
  last_heartbeat = true, worker_name = true, result = true, exc_info = true, number_of_retries = true}

-- The job hash, packed, without what a run leaves on it.
local function template_of(key)
  local fields, template = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do
    if not LEFT_BY_A_RUN[fields[i]] then
      template[#template + 1] = fields[i]
      template[#template + 1] = fields[i + 1]
    end
  end
  return cmsgpack.pack(template)
end

-- A caller that keeps its job for ever (result_ttl -1, and no other ttl) ends the schedule by deleting the job; any
-- other job may expire, waiting or after a run, and is rebuilt from a copy.
local function keeps_copy(result_ttl, ttl, failure_ttl)
  return result_ttl ~= '-1' or (ttl and ttl ~= '') or (failure_ttl and failure_ttl ~= '' and failure_ttl ~= '-1')
end
