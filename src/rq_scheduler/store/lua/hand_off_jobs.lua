-- Hands off one batch of due jobs: marks each queued, pushes it, registers the queue, removes the entry. A recurring one fires by the plan
-- in its record, and is armed for the next instant; what it cannot do by that is noted for Python (take_to_plan). Other entries that need
-- Python are returned, untouched; the next call of the pass begins behind the last one read.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 due and 6 id of the last
--          entry read in this pass, or '' and '', 7 limit, 8 '1' when the application's own code hands off each of them, 9 RQ's default timeout,
--          10 '1' when RQ itself has to enqueue every job, 11 '1' when every filled meta has to be read by Python,
--          12 pattern of what RQ takes for an id, 13 '1' when each job that was handed off is to be told,
--          14 name of the dispatcher
-- returns  {'ok', now in us, next due or '', due and id of the last entry read, where there may be more or one waits for its plan, or ''
--          and '', '1' when there may be more, one-offs that entered a queue, if asked for, {id, due, queue, ...}, left {kind, id, due,
--          queue, ...}, dropped {id, due, reason, ...}, '1' when a recurring job was armed that is due, how many wait for their plan, what is
--          wrong with a key that recurring jobs need, or '', jobs
--          that entered a queue {queue, number, ...}, recurring ones of those, if asked for, and answers: see fire; one more
--          outcome: ended, when one of the other schedules is due, or '', when a buffered run is to be looked at, or '', when one is to
--          be planned, or '', when a run that RQ has to enqueue may be taken, or '', when a job whose series has ended is to be
--          looked at, or '', when one that is parked is, or '', when a pause ends by itself, or '', when runs are
--          to be followed, or '', lateness: see fire}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each one-off is handed off exactly once, each (recurring job, nominal time) at most once; nothing leaves the index silently
local prefix, fence_key, fence_token, fence_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local last_score, last_id, limit = ARGV[5], ARGV[6], tonumber(ARGV[7])
local by_hook, default_timeout = ARGV[8] == '1', ARGV[9]
local all_via_rq, all_meta, id_pattern, tells = ARGV[10] == '1', ARGV[11] == '1', ARGV[12], ARGV[13] == '1'
local index, dispatcher = KEYS[1], ARGV[14]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include entry
-- @include events
-- @include counters
-- @include quarantine
-- @include seek
-- @include overlap
-- @include ending
-- @include lateness
-- @include parked
-- @include waits
-- @include revision
-- @include schedule
-- @include via_rq
-- @include recurring
-- @include keeping
local counts, told, answers = {}, {}, {}
local jobs = {counts = counts, told = told, answers = answers}
do -- a script has at most 200 locals
-- @include history
-- @include previous_runs
-- @include plan
-- @include runs_as
-- @include open_runs
local settling
-- @include tally
-- @include pausing
-- @include ends
-- @include run_lines
-- @include settling
-- @include recurring_fires
end
local MOST_FIRES, MOST_COPIED = 100, 512 * 1024 -- fires in one call, and bytes of copies from which expired jobs are rebuilt
local LONGEST_LOOK = 0.004 -- seconds of deciding about those, since the time of Redis stands still

-- Those of these ids that have a record; nearly always none, in one command.
local function schedules_among(ids)
  local keys, found = {}, {}
  for i, id in ipairs(ids) do keys[i] = prefix .. ':scheduler:schedule:' .. id end
  for first = 1, #keys, CHUNK do
    local last = math.min(first + CHUNK - 1, #keys)
    if redis.call('EXISTS', unpack(keys, first, last)) > 0 then
      for i = first, last do
        found[ids[i]] = redis.call('EXISTS', keys[i]) == 1 or nil
      end
    end
  end
  return found
end

local start = last_score == '' and 0 or rank_behind(index, last_score, last_id)
local due = redis.call('ZRANGEBYSCORE', index, '-inf', now_score, 'LIMIT', start, limit)
local left, broken, dropped = {}, {}, {}
local clock = rawget(_G, 'os') and os.clock or function() return 0 end
local entered, fires, noted, copied, began = {}, {}, {}, 0, clock()

-- Only recurring jobs have a record, and they are listed.
local recorded = {}
if due[1] and redis.pcall('ZCARD', recurring_jobs) ~= 0 then recorded = schedules_among(due) end

local function due_of(id) return redis.call('ZSCORE', index, id) end

local function note(list, ...)
  for _, value in ipairs({...}) do list[#list + 1] = value end
end

local misfit = next(recorded) and not by_hook and jobs.misfit() or ''

-- Takes a recurring job into the batch; false when it has no record of one, 'full' when the batch is.
local function look_at_recurring(id)
  local record, score = jobs.read_record(id), due_of(id)
  if record.kind ~= 'job' then return false end
  if misfit ~= '' then return true end
  local fire = jobs.due_fire(id, score, record)
  local outcome = fire and jobs.decide(fire)
  if not fire or outcome == 'changed' or outcome == 'check' then
    noted[#noted + 1], noted[#noted + 2] = now_score, id
  else
    fire.outcome = outcome
    local bytes = fire.entry.bytes or 0
    if fires[1] and copied + bytes > MOST_COPIED then return 'full' end
    fires[#fires + 1] = fire
    copied = copied + bytes
  end
  return true
end

-- An entry that is more than a plain job in a plain queue, or less.
local function look_closer(id)
  local entry = read_entry(id)
  local kind = entry.kind
  if id == '' or not string.find(id, id_pattern) then
    kind, entry.reason = 'broken', refused_id(id, due_of(id))
  elseif by_hook and kind == 'ready' and entry.status ~= 'canceled' then
    kind = 'via_rq'
  elseif kind == 'ready' then
    if names(entry.meta, 'interval') or names(entry.meta, 'cron_string')
        or (all_meta and filled(entry.meta)) then
      kind = 'recurring'
    elseif entry.status == 'canceled' then
      kind = 'canceled'
    elseif filled(entry.origin)
        and (all_via_rq or entry.depends or entry.rate_limited or names(entry.meta, 'queue_class_name')) then
      kind = 'via_rq'
    else
      entry.reason = fault_of_queue(entry.origin)
      if entry.reason then kind = 'broken' end
    end
  end
  if kind == 'ready' then
    push_later(entry.origin, id, wants_front(entry.at_front, entry.at_front_on_retry, entry.ended_at))
    mark_queued(entry.key, entry.timeout, default_timeout)
    if tells then note(entered, id, due_of(id), entry.origin) end
    if entry.ttl and entry.ttl > 0 then expire_job(id, entry.ttl) end
  elseif kind == 'broken' then
    note(broken, {id, due_of(id), entry.reason, entry.origin})
  elseif kind == 'canceled' then
    note(dropped, id, due_of(id), 'canceled')
  else
    note(left, kind, id, due_of(id), entry.origin or '')
  end
end

-- Repeatable writes first; what is read between them cannot end the script. The first of them is the one that a full or
-- read-only server refuses.
-- Nearly all jobs are plain, and one read says so: RQ writes the fields that ask for more only where they do, and writes the
-- origin and the data of a job in one command.
local call, try = redis.call, redis.pcall
local job_prefix = prefix .. ':job:'
local closer = all_via_rq or not string.find(table.concat(due), id_pattern) -- anchored, which is quicker
local queue, back
local looked = 0
for _, id in ipairs(due) do
  if #fires == MOST_FIRES or (fires[1] and clock() - began > LONGEST_LOOK) then break end
  local taken = recorded[id] and not by_hook and string.find(id, id_pattern) and look_at_recurring(id)
  if taken == 'full' then break end
  looked = looked + 1
  if not taken then
    local key = job_prefix .. id
    local job = try('HMGET', key, 'origin', 'status', 'timeout', 'ttl', 'meta', 'dependency_id', 'enqueue_at_front',
      'enqueue_at_front_on_retry', 'rate_limit_key')
    local origin, timeout = job[1], job[3]
    local plain = origin and not (closer or job[4] or job[5] or job[6] or job[7] or job[8] or job[9])
      and job[2] ~= 'canceled' and id ~= ''
    if plain and origin ~= queue then
      queue = origin
      back = queue ~= '' and is_queue(queue) and pushes_of(queue).back
    end
    if plain and back then
      mark_queued(key, timeout, default_timeout)
      back[#back + 1] = id
      if tells then note(entered, id, due_of(id), queue) end
    else
      look_closer(id)
    end
  end
end
local may_be_more = looked < #due or #due == limit
local last = (may_be_more or noted[1]) and due[looked]
local last_due = last and due_of(last)
if #broken > 0 then check_quarantine() end

-- How late one-offs are, while their scores are there: nearly always, all that are due are handed off.
do
  local plain, number = due, looked
  if left[1] or broken[1] or dropped[1] or next(recorded) then
    local others = {}
    for i = 2, #left, 4 do others[left[i]] = true end
    for i = 1, #dropped, 3 do others[dropped[i]] = true end
    for _, fault in ipairs(broken) do others[fault[1]] = true end
    plain = {}
    for i = 1, looked do plain[#plain + 1] = not (others[due[i]] or recorded[due[i]]) and due[i] or nil end
    number = #plain
  end
  if number > 0 then lateness.note_span('one-off', index, plain, 1, number) end
end

-- Then, a queue at a time, the push and at once the removal of exactly those ids.
for _, queue in ipairs(queue_order) do
  counts[queue] = #pushes[queue].front + #pushes[queue].back
  counters.hand_off('one-off', queue, counts[queue])
end
push_all(function(ids) call_in_chunks('ZREM', index, ids) end)
local a_job_is_due = jobs.commit(fires)
jobs.note_unplanned(noted)
if noted[1] then limit_waits(unplanned, LEASE) end

for _, fault in ipairs(broken) do
  quarantine(index, fault[1], fault[2], fault[3], fault[4])
  note(dropped, fault[1], fault[2], fault[3])
end
for i = 1, #dropped, 3 do
  if dropped[i + 2] == 'canceled' then
    let_canceled_expire(dropped[i])
    redis.call('ZREM', index, dropped[i])
  end
end

-- What is no zset is for Python to find: jobs do not wait for that.
local function first_of(key)
  local first = redis.pcall('ZRANGE', key, 0, 0, 'WITHSCORES')
  return first.err and now_score or first[2] or ''
end

-- The same for entries that wait for so many seconds at most.
local function next_look(key, longest)
  local first = first_of(key)
  return first ~= '' and limit_waits(key, longest) and first_of(key) or first
end
local function earlier(one, other)
  if one == '' or (other ~= '' and tonumber(other) < tonumber(one)) then return other end
  return one
end
local parked_look = first_of(parked) ~= '' and next_look(parked, seconds_parked()) or ''
-- When runs are to be followed. Mostly there is nothing, which one command says.
local followed = {prefix .. ':scheduler:new_runs', prefix .. ':scheduler:open_runs', prefix .. ':scheduler:unread_errors',
  prefix .. ':scheduler:expected'}
local follow_at = ''
if redis.call('EXISTS', unpack(followed)) > 0 then
  for i, key in ipairs(followed) do follow_at = earlier(follow_at, i <= 2 and next_look(key, 60) or first_of(key)) end
end
local queues = {}
for queue, number in pairs(counts) do queues[#queues + 1], queues[#queues + 2] = queue, number end
local late = lateness.write()
counters.write()
local coming = redis.call('ZRANGEBYSCORE', index, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {'ok', now_us, coming[2] or '', last_due or '', last or '', may_be_more and '1' or '0', entered, left, dropped, a_job_is_due and '1' or '0',
  #noted / 2, misfit, queues, told, answers, first_of(prefix .. ':scheduler:due_schedules'), next_look(buffered_schedules, 1),
  earlier(first_of(to_plan), first_of(unplanned)), next_look(via_rq, LEASE), first_of(ended), parked_look,
  first_of(prefix .. ':scheduler:pause_ends'), follow_at, late}
