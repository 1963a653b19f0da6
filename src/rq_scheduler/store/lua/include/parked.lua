-- One-offs that were planned under an id of which RQ still has a live job: they wait until that has ended, and are no entries of
-- the index meanwhile. `parked`: id -> next look at RQ's job; `parked_due`: id -> due. Needs: prefix.
local parked, parked_due = prefix .. ':scheduler:parked', prefix .. ':scheduler:parked_due'

-- Seconds until the next look at each of them: 2,000 looks a second are made at most, however many are parked.
local function seconds_parked() return math.max(1, (tonumber(redis.pcall('ZCARD', parked)) or 0) / 2000) end

local function planned_key(id) return prefix .. ':scheduler:planned:' .. id end

-- When it is due; nil when nothing is parked under the id. A key of a wrong type names nothing: it must not stop all else.
local function due_of_parked(id)
  local due = redis.pcall('ZSCORE', parked_due, id)
  return type(due) == 'string' and due or nil
end

local function planned_job(id)
  local fields = redis.pcall('HGETALL', planned_key(id))
  return fields.err and {} or fields
end

-- Forgets what is parked under an id; says whether there was anything.
local function unpark(id)
  redis.call('ZREM', parked, id)
  redis.call('DEL', planned_key(id))
  return redis.call('ZREM', parked_due, id) == 1
end
