-- Is the previous run of a re-used job id still going? In RQ's terms: a status alone is not believed, because a
-- killed worker, a deleted queue or a flushed registry leaves it behind. Needs: prefix, now, now_score.
local WAITING = {deferred = true, ready_to_enqueue = true, rate_limited = true}

local function has_live_execution(id, queue)
  local executions = redis.call('ZRANGEBYSCORE', prefix .. ':executions:' .. id, now_score, '+inf')
  for _, execution in ipairs(executions) do
    local expiry = redis.call('ZSCORE', prefix .. ':wip:' .. queue, id .. ':' .. execution)
    if expiry and tonumber(expiry) > now then return true end
  end
  return false
end

-- `looked_up`: what Python found in the queue's lists: 'gone', 'there', or '' when it has not looked.
local function is_going(id, status, queue, looked_up)
  if status == 'queued' then return looked_up ~= 'gone' end
  if status == 'started' then return has_live_execution(id, queue) end
  if status == 'scheduled' then return redis.call('ZSCORE', prefix .. ':scheduled:' .. queue, id) ~= false end
  return WAITING[status] == true
end
