-- What RQ's Queue.enqueue_job writes, and only that: the fields of a job that enters its queue, and the push.
-- Needs: prefix, now, time. tests/store/test_rq_format.py compares the effect with RQ's own, field by field.

-- The civil date and time of so many seconds since 1970, UTC (Howard Hinnant's algorithm).
local function utc(seconds)
  local days = math.floor(seconds / 86400)
  local rest = seconds - days * 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return year, month, doy - math.floor((153 * mp + 2) / 5) + 1, math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60
end

-- Now, as RQ's utcformat() has it.
local function rq_timestamp(seconds, microseconds)
  local year, month, day, hour, minute, second = utc(seconds)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ', year, month, day, hour, minute, second, microseconds)
end
local enqueued_at = rq_timestamp(tonumber(time[1]), time[2])

local CHUNK = 1000 -- arguments of one unpack(): Lua's stack ends near 8,000

-- In pieces, so that a long list never overflows the stack: call(command, key, items...)
local function call_in_chunks(command, key, items)
  for first = 1, #items, CHUNK do
    redis.call(command, key, unpack(items, first, math.min(first + CHUNK - 1, #items)))
  end
end

-- Marks a job as queued; `timeout`: its own, if it has one. More fields and values may follow.
local function mark_queued(key, timeout, default_timeout, ...)
  if timeout and timeout ~= '' then
    redis.call('HSET', key, 'status', 'queued', 'enqueued_at', enqueued_at, ...)
  else
    redis.call('HSET', key, 'status', 'queued', 'enqueued_at', enqueued_at, 'timeout', default_timeout, ...)
  end
end

-- Job ids by queue and end of the queue, in the order in which they came; what has been pushed is not there any more.
local pushes, queue_order = {}, {}
local function pushes_of(queue)
  local push = pushes[queue]
  if not push then
    push = {back = {}, front = {}}
    pushes[queue] = push
    queue_order[#queue_order + 1] = queue
  end
  return push
end

local function push_later(queue, id, at_front)
  local push = pushes_of(queue)
  local list = at_front and push.front or push.back
  list[#list + 1] = id
end

-- Comes right before the pushes. A user who may push and not remove (ACL) would push again and again: one that may remove
-- nothing is refused here.
local nothing = KEYS[1] .. ':nothing'
local function register_queues()
  if #queue_order == 0 then return end
  redis.call('ZREM', nothing, '')
  local names = {}
  for i, queue in ipairs(queue_order) do names[i] = prefix .. ':queue:' .. queue end
  call_in_chunks('SADD', prefix .. ':queues', names)
end

-- Pushes them all, a queue at a time; `remove(ids, queue)`, if given, takes away at once where they stood before.
local function push_all(remove)
  register_queues()
  for _, queue in ipairs(queue_order) do
    local key, push = prefix .. ':queue:' .. queue, pushes[queue]
    call_in_chunks('LPUSH', key, push.front)
    if remove then remove(push.front, queue) end
    call_in_chunks('RPUSH', key, push.back)
    if remove then remove(push.back, queue) end
    pushes[queue] = nil
  end
  queue_order = {}
end

-- RQ expires a job with a ttl, and what hangs on it, when it enters the queue (Job.cleanup). EXPIRE takes whole numbers,
-- and not those that stand for ever; what a foreign client wrote may be anything that Lua takes for a number.
local LONGEST_TTL = 9e12
local function expire_job(id, ttl)
  if ttl > LONGEST_TTL then return end
  ttl = string.format('%.0f', math.ceil(ttl))
  redis.call('EXPIRE', prefix .. ':job:' .. id, ttl)
  redis.call('EXPIRE', prefix .. ':job:' .. id .. ':dependents', ttl)
  redis.call('EXPIRE', prefix .. ':job::' .. id .. ':dependencies', ttl)
end

-- Job.should_enqueue_at_front(): asked for, or asked for on a retry of a job that has run.
local function wants_front(at_front, at_front_on_retry, ended_at)
  if at_front == '1' then return true end
  return at_front_on_retry == '1' and ended_at and ended_at ~= ''
end

local queue_types = {}
local function is_queue(queue)
  if queue_types[queue] == nil then
    local type = redis.call('TYPE', prefix .. ':queue:' .. queue).ok
    queue_types[queue] = type == 'list' or type == 'none'
  end
  return queue_types[queue]
end

-- Why no job can enter it, if so.
local function fault_of_queue(queue)
  if not queue or queue == '' then return 'its job names no queue (the field origin is empty)' end
  if not is_queue(queue) then return 'the key ' .. prefix .. ':queue:' .. queue .. ' is not the list of a queue' end
end
