-- Is the previous run of a re-used job id still going? In RQ's terms: a status alone is not believed, because a
-- killed worker, a deleted queue or a flushed registry leaves it behind. Needs: prefix, now, now_score.
local WAITING = {deferred = true, ready_to_enqueue = true, rate_limited = true}

-- A key of a wrong type names nothing: it must not hold up the whole batch.
local function score_in(key, member)
  local score = redis.pcall('ZSCORE', key, member)
  return type(score) == 'string' and tonumber(score) or nil
end

local function has_live_execution(id, queue)
  local executions = redis.pcall('ZRANGEBYSCORE', prefix .. ':executions:' .. id, now_score, '+inf')
  for _, execution in ipairs(executions) do
    local expiry = score_in(prefix .. ':wip:' .. queue, id .. ':' .. execution)
    if expiry and expiry > now then return true end
  end
  return false
end

-- What a killed worker left in RQ's started registry: its cleanup would take the next run of this id for that one.
local function remove_dead_executions(id, queue)
  local key = prefix .. ':executions:' .. id
  for _, execution in ipairs(redis.pcall('ZRANGE', key, 0, -1)) do
    redis.pcall('ZREM', prefix .. ':wip:' .. queue, id .. ':' .. execution)
  end
  redis.call('DEL', key)
end

-- `looked_up`: what Python found in the queue's lists: 'gone', 'there', or '' when it has not looked.
local function is_going(id, status, queue, looked_up)
  if status == 'queued' then return looked_up ~= 'gone' or has_live_execution(id, queue) end
  -- 'scheduled' is what a 0.14 client writes when it defines the job anew, whatever goes on.
  if (status == 'started' or status == 'scheduled') and has_live_execution(id, queue) then return true end
  if status == 'scheduled' then -- a retry, or a run that RQ itself has to enqueue
    return (score_in(prefix .. ':scheduled:' .. queue, id) or score_in(prefix .. ':scheduler:via_rq', id)) ~= nil
  end
  return WAITING[status] == true
end
