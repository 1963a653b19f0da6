-- Looks at workers and queues, once a minute for all dispatchers: which workers have come and gone, what they listen on, and in which
-- queues jobs wait that no worker listens on.
--
-- KEYS[1]  the last look (string with a TTL)
-- ARGV     1 prefix, 2 name of this dispatcher, 3 seconds until the next look, 4 seconds for which what is gone is remembered, 5 seconds
--          after which a queue that nobody serves is told of, 6 most workers and most queues to look at
-- returns  {'ok', queues that are unserved from now on {queue, since in us, jobs, ...}, and those that are no more {queue, since, ...}}
--          or {'early'}: somebody has looked
-- keeps    what changes is told once
local prefix, name, pause, memory = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local patience, most = tonumber(ARGV[5]) * 1000000, tonumber(ARGV[6])
-- @include clock
-- @include events
-- @include presence
local call = redis.call
local seen_key, left_key = prefix .. ':scheduler:workers_seen', prefix .. ':scheduler:workers_left'
local unserved_key = prefix .. ':scheduler:unserved'
if not call('SET', KEYS[1], name, 'NX', 'PX', math.floor(pause * 1000)) then return {'early'} end

-- Members of a set, about as many as that.
local function members(key)
  local found, cursor = {}, '0'
  repeat
    local page = call('SSCAN', key, cursor, 'COUNT', 500)
    cursor = page[1]
    for _, member in ipairs(page[2]) do found[#found + 1] = member end
  until cursor == '0' or #found >= most
  return found
end

-- What a look has noted of a worker; nothing of what somebody else wrote.
local function noted(text)
  local ok, worker = pcall(cjson.decode, text or '')
  return ok and type(worker) == 'table' and worker or {}
end

local function hash(key)
  local flat, found = call('HGETALL', key), {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  return found
end

-- The workers

local seen, there, heard = hash(seen_key), {}, {}
local worker_prefix = prefix .. ':worker:'
for _, key in ipairs(members(prefix .. ':workers')) do
  local worker = redis.pcall('HMGET', key, 'queues', 'death', 'last_heartbeat')
  if not worker.err and worker[1] and not worker[2] then
    local id = string.sub(key, #worker_prefix + 1)
    local known = noted(seen[id])
    local since = known.queues == worker[1] and known.since or now_us
    there[id] = cjson.encode({since = since, queues = worker[1], heartbeat = worker[3] or ''})
    if there[id] ~= seen[id] then call('HSET', seen_key, id, there[id]) end
    for queue in string.gmatch(worker[1], '[^,]+') do heard[queue] = true end
  end
end
for id, known in pairs(seen) do
  if not there[id] then
    local worker = noted(known)
    worker.name, worker.left = id, now_us
    call('ZADD', left_key, now_score, cjson.encode(worker))
    call('HDEL', seen_key, id)
  end
end

-- The queues

local unserved, began, ended = hash(unserved_key), {}, {}
local queue_prefix = prefix .. ':queue:'
for _, key in ipairs(members(prefix .. ':queues')) do
  local queue = string.sub(key, #queue_prefix + 1)
  local jobs = not heard[queue] and redis.pcall('LLEN', key)
  if type(jobs) == 'number' and jobs > 0 then
    local since, told = string.match(unserved[queue] or now_us, '^(%d+)(.*)$')
    if told == '' and now_us - since >= patience then
      told = ' told'
      began[#began + 1], began[#began + 2], began[#began + 3] = queue, since, jobs
    end
    call('HSET', unserved_key, queue, since .. told)
    unserved[queue] = nil
  end
end
for queue, state in pairs(unserved) do
  local since, told = string.match(state, '^(%d+)(.*)$')
  if told == ' told' then ended[#ended + 1], ended[#ended + 2] = queue, since end
  call('HDEL', unserved_key, queue)
end

local old = string.format('%.6f', now - memory)
call('ZREMRANGEBYSCORE', left_key, '-inf', old)
call('ZREMRANGEBYSCORE', heartbeats, '-inf', old)
for i = 1, #began, 3 do tell('unserved_began', '', 'queue', began[i], 'since', began[i + 1], 'jobs', began[i + 2]) end
for i = 1, #ended, 2 do tell('unserved_ended', '', 'queue', ended[i], 'since', ended[i + 1]) end
return {'ok', began, ended}
