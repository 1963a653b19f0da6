-- Commits the planned fires of a batch of schedules, each only if nothing has changed since it was read: makes the runs,
-- puts them in their queues and arms the next instant, as one step. A dispatcher that lost the race, or slept, changes
-- nothing. Also starts remembered runs, and runs that a person asks for.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 RQ's default timeout, 6 '1' when RQ itself has
--          to enqueue every run, 7 plans (see below) and 8 for each schedule the number of its plan and the lengths of its id and rev
--          (both MessagePack), 9 those ids and revs, one behind the other
-- returns  {'ok', now in us, for each in the order given its queue, when all went as planned, or {outcome, queue, detail,
--          {job id that was made, its due, ...}, {nominal that was skipped, ...}, {nominal that is remembered, ...}, {job id to be
--          stopped, ...}, '1' when RQ itself will enqueue what was made}};
--          outcomes: done, stale, early, waiting, verify (detail: the job ids to look for), paused and broken (detail: why)
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each (schedule, nominal time) is handed off at most once; a stale plan does not commit
--
-- A plan, which many may share, is a table of what there is of these (times are texts, since Lua would round them): mode
-- ('due', 'remembered', 'manual'), overlap, most_runs, most_failures (so many failed runs in a row pause it), looked_for (runs that
-- were looked for in their queue, 'id ...') and found ('gone' or 'there'), instants ({nominal, due, what its job id ends with}, ...).
-- For an instant that is due: due (its time as read), not_before and valid_until (us), next (the next due time) and armed
-- ("nominal:due" of that, in us), missed and missed_line (of the history). For a manual run: its number.
local prefix, fence_key, fence_token, fence_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local default_timeout, all_slow = ARGV[5], ARGV[6] == '1'
local index = KEYS[1]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include overlap
-- @include quarantine
-- @include revision
-- @include schedule
-- @include runs_as
-- @include runs
-- @include firing
-- @include plain_fires
local LOOK_EVERY = 60 * 1000000
local MOST_REMEMBERED = {buffer_one = 1, buffer_all = 1000}
local NONE = {}

-- And what only some need.
local function more_of(fire, field) return call('HGET', fire.key, field) end

-- Adds to a list of the fire. Most would stay empty, and are not made.
local function add(fire, name, value)
  local list = fire[name]
  if list then
    list[#list + 1] = value
  else
    fire[name] = {value}
  end
end

local function size(list) return list and #list or 0 end

local function words_of(text)
  local words = {}
  if not text or text == '' then return words end
  for word in string.gmatch(text, '%S+') do words[#words + 1] = word end
  return words
end

-- Whether the list of runs is about to lose its oldest: those that are over then make room for one that is still going.
local function is_crowded(fire) return #fire.live + #fire.plan.instants > KEPT_RUNS end

-- RQ keeps a failed job for its failure_ttl (a year if it has none): one that is gone before has not failed.
local function has_not_failed(fire, id)
  local kept = tonumber(more_of(fire, 'failure_ttl') or '') or 31536000
  if id ~= more_of(fire, 'last_run_id') then return false end
  return kept < 0 or us - count(more_of(fire, 'last_run_at')) < kept * 1000000
end

-- The status of a run, and its queue unless it has finished.
local function read_run(id)
  local key = prefix .. ':job:' .. id
  local status = try('HGET', key, 'status')
  if type(status) ~= 'string' then return nil end
  return status, status ~= 'finished' and call('HGET', key, 'origin')
end

-- Which of the runs made before are still going, and how those that are over have ended, in their order.
local function look_at_runs(fire)
  local looked_for, found = fire.plan.looked_for, fire.plan.found
  local earlier, failures, crowded = fire.live, fire.failures, is_crowded(fire)
  fire.live = {}
  for _, id in ipairs(earlier) do
    local status, queue = read_run(id)
    local looked_up = looked_for and string.find(' ' .. looked_for .. ' ', ' ' .. id .. ' ', 1, true) and found or ''
    if status and queue and is_run_going(id, status, queue, looked_up) then
      add(fire, 'going', id)
      add(fire, 'live', id)
      if status == 'queued' then add(fire, 'queued', id) end
    elseif fire.going and not crowded then
      add(fire, 'live', id)
    elseif status == 'failed' then
      failures = failures + 1
    elseif status == 'finished' or (not status and has_not_failed(fire, id)) then
      failures = 0
    end
  end
  fire.failures = failures
end

local function run_of(fire, instant, outcome)
  return {nominal = instant[1], due = instant[2], id = fire.id .. instant[3], outcome = outcome}
end

local function is_paused(fire) return fire.record[PAUSED] == '1' end

local function remember(fire, run)
  if fire.waiting + size(fire.remembered) >= MOST_REMEMBERED[fire.plan.overlap] then return false end
  add(fire, 'remembered', run)
  return true
end

local function place(fire, run)
  local plan = fire.plan
  if call('EXISTS', prefix .. ':job:' .. run.id) == 1 then
    if plan.mode == 'manual' then fire.repeated = run end
    return
  end
  -- What a paused one remembers waits for the resume; what a person asks for does not.
  local behind = fire.going or fire.started[1] or (not is_paused(fire) and fire.waiting + size(fire.remembered) > 0)
  if not behind or plan.overlap == 'allow' then
    add(fire, 'started', run)
  elseif plan.overlap == 'replace' then
    for _, id in ipairs(fire.going or NONE) do add(fire, 'stops', id) end
    fire.going = nil
    local last = fire.started[#fire.started]
    if last then add(fire, 'stops', last.id) end
    add(fire, 'started', run)
  elseif not (MOST_REMEMBERED[plan.overlap] and remember(fire, run)) then
    add(fire, 'skipped', run)
  end
end

local function counted(runs)
  local count = 0
  for _, run in ipairs(runs) do
    if run.outcome == 'enqueued' then count = count + 1 end
  end
  return count
end

-- How many runs it remembers. An active one that does is in the set of those, which is nearly always empty.
local function waiting_of(fire)
  if nobody_remembers and not is_paused(fire) and not MOST_REMEMBERED[fire.plan.overlap] then return 0 end
  return try('LLEN', buffer_key(fire.id))
end

-- How many of the remembered runs will count for max_runs: one that a person asked for does not. Counted only where it
-- matters: there may be a thousand.
local function owed(fire)
  local most = fire.plan.most_runs
  if not most or fire.waiting == 0 or fire.runs + fire.waiting + #fire.plan.instants < most then return 0 end
  local count = 0
  for _, line in ipairs(call('LRANGE', buffer_key(fire.id), 0, -1)) do
    if string.sub(line, 1, 9) == 'enqueued ' then count = count + 1 end
  end
  return count
end

-- The oldest remembered run starts when none is going.
local function start_remembered(fire)
  local line = fire.waiting > 0 and not fire.going and call('LINDEX', buffer_key(fire.id), 0)
  if not line then return end
  local outcome, nominal, due, id = string.match(line, '^(%S+) (%S+) (%S+) (%S+)$')
  fire.taken = line
  fire.waiting = fire.waiting - 1
  if outcome == 'enqueued' then fire.owed = fire.owed - 1 end
  if id and call('EXISTS', prefix .. ':job:' .. id) == 0 then
    add(fire, 'started', {outcome = outcome, nominal = nominal, due = due, id = id})
  end
end

-- The set that lists one which has no business there any more: a foreign hand put it back, or took its record away. It
-- would be read, and be stale, in every pass.
local function stray_in(fire, mode)
  local kind = fire.record[KIND]
  local sleeps = kind == 'schedule' and is_paused(fire)
  if mode == 'due' and (sleeps or kind == 'job') then return index end
  if mode == 'remembered' and (sleeps or not kind) then return buffered_schedules end
end

-- A remembered run comes without the definition: nothing of it was planned.
local function most_failures_of(fire)
  local ok, spec = pcall(cjson.decode, more_of(fire, 'spec') or '')
  local most = ok and type(spec) == 'table' and spec.pause_on_failures
  return type(most) == 'number' and most or nil
end

-- Which of the runs that were to make way are still going: whoever was to ask them may have died, or lost the reply.
local function still_to_stop(fire)
  for _, id in ipairs(words_of(more_of(fire, 'stopping'))) do
    local status, queue = read_run(id)
    if status and queue and is_run_going(id, status, queue, '') then add(fire, 'stops', id) end
  end
end

-- A manual run whose number is not the next one: sent again, since the reply was lost?
local function decide_again(fire)
  local plan = fire.plan
  local run = run_of(fire, plan.instants[1])
  if call('EXISTS', prefix .. ':job:' .. run.id) == 1 then fire.repeated = run end
  local made = more_of(fire, 'manual_id') == run.id or (count(more_of(fire, 'manual')) >= plan.number and fire.repeated)
  if made then still_to_stop(fire) end
  return made and 'done' or 'stale'
end

local function decide(fire)
  local plan, record = fire.plan, read_state(fire.key)
  local mode = plan.mode
  fire.record = record
  local stray = stray_in(fire, mode)
  if stray then fire.stray = stray end
  if stray or record[KIND] ~= 'schedule' or (fire.rev ~= '' and record[REV] ~= fire.rev) then return 'stale' end
  if mode == 'due' then
    if not same_moment(call('ZSCORE', index, fire.id), plan.due) then return 'stale' end
    if plan.untimely then return plan.untimely end
  elseif mode == 'manual' and count(more_of(fire, 'manual')) ~= plan.number - 1 then
    return decide_again(fire)
  end

  local job = read_runs_as(record[RUNS_AS] or '')
  fire.job = job
  local reason = fault_of(fire.id, job)
  if reason then return 'broken', reason end
  local waiting = waiting_of(fire)
  if type(waiting) ~= 'number' then return 'broken', 'the key ' .. buffer_key(fire.id) .. ' is no list' end
  fire.commits = true
  fire.waiting = waiting
  fire.runs, fire.failures = count(record[RUNS]), count(record[FAILURES])
  fire.owed = owed(fire)
  fire.live = words_of(record[LIVE])
  local most_failures = plan.most_failures
  if plan.overlap ~= 'allow' or most_failures or waiting > 0 or is_crowded(fire) then look_at_runs(fire) end

  if mode == 'remembered' and waiting > 0 then most_failures = most_failures_of(fire) end
  if mode ~= 'manual' and most_failures and fire.failures >= most_failures then
    return 'paused', string.format('paused after %d failed runs in a row', fire.failures)
  end
  -- Only where nothing else holds it up can runs that are in no queue any more stop it for good.
  local unsure = fire.going and #fire.going == size(fire.queued) and not plan.looked_for
    and (count(record[SKIPS]) > 0 or waiting > 0 or mode == 'manual')
    and us - count(more_of(fire, 'looked_up_at')) >= LOOK_EVERY
  if unsure then return 'verify', table.concat(fire.queued, ' ') end

  if waiting > 0 and not is_paused(fire) then start_remembered(fire) end
  if mode == 'remembered' then still_to_stop(fire) end
  if mode == 'remembered' then return not fire.started[1] and fire.waiting > 0 and 'waiting' or 'done' end
  for _, instant in ipairs(plan.instants) do
    if mode == 'manual' then
      place(fire, run_of(fire, instant, 'manual'))
    elseif plan.most_runs and fire.runs + counted(fire.started) + fire.owed + size(fire.remembered) >= plan.most_runs then
      break
    elseif is_behind(instant[1], record[MARK]) then
      place(fire, run_of(fire, instant, 'enqueued'))
    end
  end
  return 'done'
end

-- The fields that advance() writes: one list for all fires.
local fields, width = {}, 0
local function set(field, value)
  fields[width + 1], fields[width + 2] = field, value
  width = width + 2
end

-- What makes the step final: the high-water mark and the next instant, right behind the push.
local function advance(fire)
  local id, plan, record, started = fire.id, fire.plan, fire.record, fire.started
  local runs, last_run = fire.runs + counted(started), started[#started]
  width = 0
  if plan.mode == 'due' then
    local last = plan.instants[#plan.instants]
    if last and is_behind(last[1], record[MARK]) then set('mark', last[1]) end
    local finished = plan.most_runs and runs + fire.owed + size(fire.remembered) >= plan.most_runs
    if finished or not plan.next then
      set('armed', '')
      call('ZREM', index, id)
    else
      set('armed', plan.armed)
      arm_later(id, plan.next)
    end
  elseif plan.mode == 'manual' then
    set('manual', plan.number)
    set('manual_id', run_of(fire, plan.instants[1]).id)
  end
  for _, run in ipairs(started) do add(fire, 'live', run.id) end
  set('live', table.concat(fire.live, ' ', math.max(1, #fire.live - KEPT_RUNS + 1)))
  if fire.failures ~= count(record[FAILURES]) then set('failures', fire.failures) end
  if plan.found == 'there' then set('looked_up_at', now_us) end
  if fire.stops or plan.mode == 'remembered' then set('stopping', table.concat(fire.stops or NONE, ' ')) end
  if last_run then
    set('runs', runs)
    set('last_run_at', now_us)
    set('last_run_id', last_run.id)
    if record[SKIPS] then set('skips_in_a_row', 0) end
  elseif fire.skipped then
    set('skips_in_a_row', count(record[SKIPS]) + #fire.skipped)
  end
  call('HSET', fire.key, unpack(fields, 1, width))
  if fire.taken then call('LPOP', buffer_key(id)) end
  for _, run in ipairs(fire.remembered or NONE) do
    call('RPUSH', buffer_key(id), table.concat({run.outcome, run.nominal, run.due, run.id}, ' '))
  end
  -- A look at what is remembered, and at what was to stop.
  if (fire.stops or fire.waiting + size(fire.remembered) > 0) and not is_paused(fire) then
    call('ZADD', buffered_schedules, string.format('%.6f', now + 1), id)
  elseif fire.taken or plan.mode == 'remembered' then
    call('ZREM', buffered_schedules, id)
  end
end

local function line_of(outcome, run) return outcome .. ' ' .. run.nominal .. ' ' .. run.due .. ' ' .. now_us .. ' ' .. run.id end

local function keep_books(fire)
  local lines = {}
  if fire.skipped then try('HINCRBY', fire.key, 'skipped', #fire.skipped) end
  if fire.plan.missed then
    try('HINCRBY', fire.key, 'missed', fire.plan.missed)
    lines[1] = fire.plan.missed_line .. ' ' .. now_us
  end
  for _, run in ipairs(fire.started) do lines[#lines + 1] = line_of(run.outcome, run) end
  for _, run in ipairs(fire.skipped or NONE) do lines[#lines + 1] = line_of('skipped', run) end
  add_history(fire.id, lines)
end

-- Takes a schedule that cannot go on out of the way, where a person sees it and why.
local function pause(fire, note)
  call('HSET', fire.key, 'paused', '1', 'note', note, 'rev', call('INCR', prefix .. ':scheduler:rev'))
  call('ZADD', paused_schedules, 0, fire.id)
  call('ZREM', index, fire.id)
  call('ZREM', buffered_schedules, fire.id)
end

local function put_aside(fire)
  if fire.plan.mode == 'manual' then return end -- its caller is told
  if fire.outcome == 'broken' then
    quarantine(index, fire.id, fire.plan.due or now_score, fire.detail, fire.job.queue)
    pause(fire, fire.detail)
    local last = fire.plan.instants[#fire.plan.instants]
    if last then add_history(fire.id, {line_of('failed', run_of(fire, last))}) end
  else
    call('HSET', fire.key, 'failures', 0, 'live', table.concat(fire.live, ' '))
    pause(fire, fire.detail)
  end
end

local function nominals_of(runs)
  local nominals = {}
  for i, run in ipairs(runs or NONE) do nominals[i] = run.nominal end
  return nominals
end

local function answer(fire)
  local plan, job, made = fire.plan, fire.job, fire.commits and fire.started or NONE
  local through_rq = goes_through_rq(job)
  if made[1] and #made == #plan.instants and plan.mode == 'due' and not (fire.stops or fire.taken or through_rq) then
    return job.queue
  end
  local handed_off = fire.repeated and {fire.repeated.id, fire.repeated.due} or {}
  for _, run in ipairs(made) do
    handed_off[#handed_off + 1] = run.id
    handed_off[#handed_off + 1] = run.due
  end
  return {fire.outcome, job.queue or '', fire.detail or '', handed_off, nominals_of(fire.commits and fire.skipped),
    nominals_of(fire.commits and fire.remembered), fire.stops or {}, through_rq and '1' or '0'}
end

-- The batch.
local function is_plain(plan)
  return plan.mode == 'due' and plan.next and plan.instants[1] and not plan.instants[2]
    and not (all_slow or MOST_REMEMBERED[plan.overlap] or plan.untimely or plan.missed or plan.most_runs
      or plan.most_failures or plan.looked_for)
end

local plans, numbers, names, any_plain = cmsgpack.unpack(ARGV[7]), cmsgpack.unpack(ARGV[8]), ARGV[9], false
for _, plan in ipairs(plans) do
  plan.untimely = untimely(plan.not_before, plan.valid_until)
  plan.plain = is_plain(plan)
  if plan.plain then share(plan, unpack(plan.instants[1])) end
  any_plain = any_plain or plan.plain
end
local ids, revs, plan_of, read = {}, {}, {}, 0
for i = 1, #numbers, 3 do
  local n, id_ends, rev_ends = #ids + 1, read + numbers[i + 1], read + numbers[i + 1] + numbers[i + 2]
  ids[n], revs[n] = string.sub(names, read + 1, id_ends), string.sub(names, id_ends + 1, rev_ends)
  plan_of[n], read = plans[numbers[i]], rev_ends
end

-- The short way, from the first read to the last write.
local reply, rest = {'ok', now_us}, {}
for first = 1, #ids, CHUNK do
  local last = math.min(first + CHUNK - 1, #ids)
  local scores = any_plain and call('ZMSCORE', index, unpack(ids, first, last))
  for i = first, last do
    local plan, record = plan_of[i], nil
    local key = schedule_key(ids[i])
    if plan.plain and is_due(plan, scores[i - first + 1]) then record = read_state(key) end
    if not (record and record[REV] == revs[i] and add_plain(ids[i], key, plan, record, i)) then rest[#rest + 1] = i end
  end
end
local made, refused = make_plain()
advance_plain(made)
for _, fire in ipairs(made) do reply[fire[FIRE_NUMBER] + 2] = fire[FIRE_JOB].queue end
for _, fire in ipairs(refused) do rest[#rest + 1] = fire[FIRE_NUMBER] end

-- The long one.
local fires, decided = {}, {}
for _, i in ipairs(rest) do
  local id = ids[i]
  local fire = {id = id, key = schedule_key(id), number = i, rev = revs[i], plan = plan_of[i],
    record = NONE, job = NONE, started = {}, live = NONE, waiting = 0, owed = 0, runs = 0, failures = 0,
    commits = false, outcome = 'stale'}
  fires[#fires + 1] = fire
  -- Nothing is written yet, so a second fire of one schedule would look as good as the first.
  if not decided[id] then
    fire.outcome, fire.detail = decide(fire)
    fire.commits = fire.commits and (fire.outcome == 'done' or fire.outcome == 'waiting')
    if fire.outcome == 'broken' then check_quarantine() end
    if fire.outcome == 'broken' or fire.outcome == 'paused' then check_revisions() end
  end
  decided[id] = true
end
make_and_push(function()
  for _, fire in ipairs(fires) do
    if fire.commits then
      for _, run in ipairs(fire.started) do make_run(fire.id, fire.job, run.id) end
    end
  end
end)
for _, fire in ipairs(fires) do
  if fire.commits then advance(fire) end
end
arm()
for _, fire in ipairs(fires) do
  if fire.stray then call('ZREM', fire.stray, fire.id) end
  if fire.commits then
    if fire.outcome == 'done' then keep_books(fire) end
  elseif fire.outcome == 'paused' or fire.outcome == 'broken' then
    put_aside(fire)
  end
  reply[fire.number + 2] = answer(fire)
end
return reply
