-- Reads one entry's job and says what has to be done with it. Needs: prefix.
-- Kinds: 'ready', 'recurring' (its meta may name a 0.14 recurrence), 'via_rq' (RQ itself has to enqueue it),
-- 'canceled' (by RQ's Job.cancel), 'broken' (with a reason).
local JOB_FIELDS = {'status', 'origin', 'timeout', 'ttl', 'meta', 'dependency_ids', 'dependency_id',
  'enqueue_at_front', 'enqueue_at_front_on_retry', 'ended_at', 'rate_limit_key', 'created_at'}

local function filled(value) return value and value ~= '' end

local function read_entry(id)
  local key = prefix .. ':job:' .. id
  local values = redis.pcall('HMGET', key, unpack(JOB_FIELDS))
  if values.err then
    -- What a user may not read (ACL) is no fault of the entry.
    if not string.find(values.err, 'WRONGTYPE', 1, true) then error(values.err) end
    return {kind = 'broken', reason = 'the key ' .. key .. ' is not the hash that RQ keeps a job in'}
  end
  if redis.call('HSTRLEN', key, 'data') == 0 then
    if redis.call('EXISTS', key) == 0 then
      return {kind = 'broken', gone = true, reason = 'its job is gone: ' .. key .. ' was deleted, or expired'}
    end
    return {kind = 'broken', no_data = true, reason = 'its job has no data: ' .. key .. ' was not written by RQ'}
  end
  local entry = {kind = 'ready', key = key, status = values[1], origin = values[2], timeout = values[3],
    ttl = tonumber(values[4] or ''), meta = values[5], at_front = values[8], at_front_on_retry = values[9],
    ended_at = values[10], created_at = values[12]}
  entry.depends = filled(values[6]) or filled(values[7])
  entry.rate_limited = filled(values[11])
  return entry
end

-- `markers` are the texts that a job's meta holds when a dispatcher has to look at it: a plain search of the
-- bytes, since pickle and JSON both keep short ASCII strings readable.
local function names(meta, marker) return meta and string.find(meta, marker, 1, true) end
