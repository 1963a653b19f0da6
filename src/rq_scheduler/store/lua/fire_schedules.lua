-- Commits the planned fires of a batch of schedules, each only if nothing has changed since it was read: makes the runs,
-- puts them in their queues and arms the next instant, as one step. A dispatcher that lost the race, or slept, changes
-- nothing. Also starts remembered runs, and runs that a person asks for.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 RQ's default timeout, 6 '1' when RQ itself has
--          to enqueue every run, then for each schedule: id, mode ('due', 'remembered', 'manual'), rev or '', due as read,
--          not before (us), valid until (us or ''), next due or '', its armed ("nominal:due" in us, or ''), overlap, most runs or '',
--          failures in a row that pause it or '', missed, history line of the missed or '', runs that were looked
--          for in their queue ('id ...') or '', what was found ('gone', 'there', ''), number of the manual run or '', number of
--          instants, nominal, due, job id, ...
-- returns  {'ok', now in us, {outcome, queue, detail, {job id that was made, its due, ...}, {nominal that was skipped, ...}, {nominal that
--          is remembered, ...}, {job id to be stopped, ...}, '1' when RQ itself will enqueue what was made}, ...} in the order given;
--          outcomes: done, stale, early, waiting, verify (detail: the job ids to look for), paused and broken (detail: why)
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each (schedule, nominal time) is handed off at most once; a stale plan does not commit
local prefix, fence_key, fence_token, fence_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local default_timeout, all_slow = ARGV[5], ARGV[6] == '1'
local index = KEYS[1]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include overlap
-- @include quarantine
-- @include schedule
-- @include runs

local LOOK_EVERY = 60 * 1000000
local KEPT_RUNS = 20
local MOST_REMEMBERED = {buffer_one = 1, buffer_all = 1000}
local us = tonumber(now_us)
local STATE = {'kind', 'rev', 'mark', 'runs', 'live', 'failures', 'skips_in_a_row', 'looked_up_at', 'paused', 'slow', 'manual',
  'manual_id', 'last_run_at', 'last_run_id'}

local function read_state(id)
  local values = redis.pcall('HMGET', schedule_key(id), unpack(STATE))
  if values.err then return {} end
  local state = {}
  for i, field in ipairs(STATE) do state[field] = values[i] or nil end
  for _, field in ipairs({'runs', 'failures', 'skips_in_a_row', 'looked_up_at', 'manual'}) do
    state[field] = tonumber(state[field] or '') or 0
  end
  return state
end

-- Decimal texts of microseconds, compared exactly.
local function is_behind(nominal, mark)
  if not mark or mark == '' then return true end
  if string.sub(nominal, 1, 1) == '-' or string.sub(mark, 1, 1) == '-' then return tonumber(nominal) > tonumber(mark) end
  if #nominal ~= #mark then return #nominal > #mark end
  return nominal > mark
end

-- Whether the list of runs is about to lose its oldest: those that are over then make room for one that is still going.
local function is_crowded(fire) return #fire.live + #fire.instants > KEPT_RUNS end

-- RQ keeps a failed job for its failure_ttl (a year if it has none): one that is gone before has not failed.
local function has_not_failed(fire, id)
  local kept = tonumber(fire.template.failure_ttl or '') or 31536000
  local age = us - (tonumber(fire.state.last_run_at or '') or 0)
  return id == fire.state.last_run_id and (kept < 0 or age < kept * 1000000)
end

-- Which of the runs made before are still going, and how those that are over have ended, in their order.
local function look_at_runs(fire)
  local going, kept, queued, looked_for = {}, {}, {}, {}
  local failures = fire.state.failures
  for id in string.gmatch(fire.looked_for, '%S+') do looked_for[id] = true end
  for _, id in ipairs(fire.live) do
    local job = redis.pcall('HMGET', prefix .. ':job:' .. id, 'status', 'origin')
    local status, queue = job[1], job[2]
    if status and queue and is_run_going(id, status, queue, looked_for[id] and fire.found or '') then
      going[#going + 1] = id
      kept[#kept + 1] = id
      if status == 'queued' then queued[#queued + 1] = id end
    elseif #going > 0 and not is_crowded(fire) then
      kept[#kept + 1] = id
    elseif status == 'failed' then
      failures = failures + 1
    elseif status == 'finished' or (not status and has_not_failed(fire, id)) then
      failures = 0
    end
  end
  fire.going, fire.live, fire.failures, fire.queued = going, kept, failures, queued
end

local function is_paused(fire) return fire.state.paused == '1' end

local function start(fire, run)
  fire.started[#fire.started + 1] = run
  fire.live[#fire.live + 1] = run.id
  fire.going[#fire.going + 1] = run.id
end

local function remember(fire, run)
  if fire.waiting + #fire.remembered >= MOST_REMEMBERED[fire.overlap] then return false end
  fire.remembered[#fire.remembered + 1] = run
  return true
end

local function place(fire, run)
  if redis.call('EXISTS', prefix .. ':job:' .. run.id) == 1 then
    if fire.mode == 'manual' then fire.repeated = run end
    return
  end
  -- What a paused one remembers waits for the resume; what a person asks for does not.
  local behind = #fire.going > 0 or (not is_paused(fire) and fire.waiting + #fire.remembered > 0)
  if not behind or fire.overlap == 'allow' then
    start(fire, run)
  elseif fire.overlap == 'replace' then
    for _, id in ipairs(fire.going) do fire.stops[#fire.stops + 1] = id end
    fire.going = {}
    start(fire, run)
  elseif not (MOST_REMEMBERED[fire.overlap] and remember(fire, run)) then
    fire.skipped[#fire.skipped + 1] = run
  end
end

local function counted(runs)
  local count = 0
  for _, run in ipairs(runs) do
    if run.outcome == 'enqueued' then count = count + 1 end
  end
  return count
end

-- How many of the remembered runs will count for max_runs: one that a person asked for does not. Counted only where it
-- matters: there may be a thousand.
local function owed(fire)
  if fire.most_runs == '' or fire.waiting == 0 then return 0 end
  if fire.state.runs + fire.waiting + #fire.instants < tonumber(fire.most_runs) then return 0 end
  local count = 0
  for _, line in ipairs(redis.call('LRANGE', buffer_key(fire.id), 0, -1)) do
    if string.sub(line, 1, 9) == 'enqueued ' then count = count + 1 end
  end
  return count
end

-- The oldest remembered run starts when none is going.
local function start_remembered(fire)
  local line = fire.waiting > 0 and #fire.going == 0 and redis.call('LINDEX', buffer_key(fire.id), 0)
  if not line then return end
  local outcome, nominal, due, id = string.match(line, '^(%S+) (%S+) (%S+) (%S+)$')
  fire.taken = line
  fire.waiting = fire.waiting - 1
  if outcome == 'enqueued' then fire.owed = fire.owed - 1 end
  if id and redis.call('EXISTS', prefix .. ':job:' .. id) == 0 then
    start(fire, {outcome = outcome, nominal = nominal, due = due, id = id})
  end
end

-- The set that lists one which has no business there any more: a foreign hand put it back, or took its record away. It
-- would be read, and be stale, in every pass.
local function stray_in(fire)
  local kind = fire.state.kind
  local sleeps = kind == 'schedule' and is_paused(fire)
  if fire.mode == 'due' and (sleeps or kind == 'job') then return index end
  if fire.mode == 'remembered' and (sleeps or not kind) then return buffered_schedules end
end

-- A remembered run comes without the definition: nothing of it was planned.
local function most_failures_of(id)
  local ok, spec = pcall(cjson.decode, redis.call('HGET', schedule_key(id), 'spec') or '')
  local most = ok and type(spec) == 'table' and spec.pause_on_failures
  return type(most) == 'number' and tostring(most) or ''
end

local function decide(fire)
  local state = read_state(fire.id)
  fire.state = state
  fire.stray = stray_in(fire)
  if fire.stray or state.kind ~= 'schedule' or (fire.rev ~= '' and state.rev ~= fire.rev) then return 'stale' end
  if fire.mode == 'due' then
    if not same_moment(redis.call('ZSCORE', index, fire.id), fire.due) then return 'stale' end
    if us < tonumber(fire.not_before) then return 'early' end
    if fire.valid_until ~= '' and us >= tonumber(fire.valid_until) then return 'stale' end
  elseif fire.mode == 'manual' and state.manual ~= fire.number - 1 then
    -- Sent again, since the reply was lost?
    local run = fire.instants[1]
    if redis.call('EXISTS', prefix .. ':job:' .. run.id) == 1 then fire.repeated = run end
    local made = state.manual_id == run.id or (state.manual >= fire.number and fire.repeated)
    return made and 'done' or 'stale'
  end

  local template, reason = read_template(fire.id)
  if not template then return 'broken', reason end
  fire.template = template
  fire.started, fire.skipped, fire.remembered, fire.stops = {}, {}, {}, {}
  local waiting = redis.pcall('LLEN', buffer_key(fire.id))
  if type(waiting) ~= 'number' then return 'broken', 'the key ' .. buffer_key(fire.id) .. ' is no list' end
  fire.waiting = waiting
  fire.owed = owed(fire)
  fire.live = {}
  for id in string.gmatch(state.live or '', '%S+') do fire.live[#fire.live + 1] = id end
  if fire.overlap == 'allow' and fire.most_failures == '' and waiting == 0 and not is_crowded(fire) then
    fire.going, fire.queued, fire.failures = {}, {}, state.failures
  else
    look_at_runs(fire)
  end

  if fire.mode == 'remembered' and waiting > 0 then fire.most_failures = most_failures_of(fire.id) end
  if fire.mode ~= 'manual' and fire.most_failures ~= '' and fire.failures >= tonumber(fire.most_failures) then
    return 'paused', string.format('paused after %d failed runs in a row', fire.failures)
  end
  -- Only where nothing else holds it up can runs that are in no queue any more stop it for good.
  local unsure = #fire.going > 0 and #fire.going == #fire.queued and fire.looked_for == ''
    and us - state.looked_up_at >= LOOK_EVERY and (state.skips_in_a_row > 0 or fire.waiting > 0 or fire.mode == 'manual')
  if unsure then return 'verify', table.concat(fire.queued, ' ') end

  if not is_paused(fire) then start_remembered(fire) end
  if fire.mode == 'remembered' then return #fire.started == 0 and fire.waiting > 0 and 'waiting' or 'done' end
  for _, run in ipairs(fire.instants) do
    if fire.mode == 'manual' then
      run.outcome = 'manual'
      place(fire, run)
    elseif fire.most_runs ~= ''
      and state.runs + counted(fire.started) + fire.owed + #fire.remembered >= tonumber(fire.most_runs) then
      break
    elseif is_behind(run.nominal, state.mark) then
      run.outcome = 'enqueued'
      place(fire, run)
    end
  end
  return 'done'
end

-- What makes the step final: the high-water mark and the next instant, right behind the push.
local function advance(fire)
  local key, state = schedule_key(fire.id), fire.state
  local fields = {'live', table.concat(fire.live, ' ', math.max(1, #fire.live - KEPT_RUNS + 1)), 'failures', fire.failures}
  local function set(field, value) fields[#fields + 1] = field; fields[#fields + 1] = value end
  local runs = state.runs + counted(fire.started)
  if fire.mode == 'due' then
    local last = fire.instants[#fire.instants]
    if last and is_behind(last.nominal, state.mark) then set('mark', last.nominal) end
    local finished = fire.most_runs ~= '' and runs + fire.owed + #fire.remembered >= tonumber(fire.most_runs)
    if finished or fire.next == '' then
      set('armed', '')
      redis.call('ZREM', index, fire.id)
    else
      set('armed', fire.armed)
      redis.call('ZADD', index, fire.next, fire.id)
    end
  elseif fire.mode == 'manual' then
    set('manual', fire.number)
    set('manual_id', fire.instants[1].id)
  end
  if fire.found == 'there' then set('looked_up_at', now_us) end
  if #fire.started > 0 then
    set('runs', runs)
    set('last_run_at', now_us)
    set('last_run_id', fire.started[#fire.started].id)
    set('skips_in_a_row', 0)
  elseif #fire.skipped > 0 then
    set('skips_in_a_row', state.skips_in_a_row + #fire.skipped)
  end
  redis.call('HSET', key, unpack(fields))
  if fire.taken then redis.call('LPOP', buffer_key(fire.id)) end
  for _, run in ipairs(fire.remembered) do
    redis.call('RPUSH', buffer_key(fire.id), table.concat({run.outcome, run.nominal, run.due, run.id}, ' '))
  end
  if fire.waiting + #fire.remembered > 0 and state.paused ~= '1' then
    redis.call('ZADD', buffered_schedules, string.format('%.6f', now + 1), fire.id)
  elseif fire.taken or fire.mode == 'remembered' then
    redis.call('ZREM', buffered_schedules, fire.id)
  end
end

local function keep_books(fire)
  local key, lines = schedule_key(fire.id), {}
  if #fire.skipped > 0 then redis.pcall('HINCRBY', key, 'skipped', #fire.skipped) end
  if fire.missed ~= '0' then redis.pcall('HINCRBY', key, 'missed', fire.missed) end
  if fire.missed_line ~= '' then lines[1] = fire.missed_line .. ' ' .. now_us end
  local done = {}
  for _, run in ipairs(fire.started) do done[#done + 1] = run end
  for _, run in ipairs(fire.skipped) do run.outcome = 'skipped'; done[#done + 1] = run end
  for _, run in ipairs(done) do
    lines[#lines + 1] = table.concat({run.outcome, run.nominal, run.due, now_us, run.id}, ' ')
  end
  add_history(fire.id, lines)
end

-- Takes a schedule that cannot go on out of the way, where a person sees it and why.
local function pause(fire, note)
  redis.call('HSET', schedule_key(fire.id), 'paused', '1', 'note', note, 'rev', redis.call('INCR', prefix .. ':scheduler:rev'))
  redis.call('ZADD', paused_schedules, 0, fire.id)
  redis.call('ZREM', index, fire.id)
  redis.call('ZREM', buffered_schedules, fire.id)
end

local fires, position = {}, 7
while position <= #ARGV do
  local function argument(i) return ARGV[position + i] end
  local fire = {id = argument(0), mode = argument(1), rev = argument(2), due = argument(3), not_before = argument(4),
    valid_until = argument(5), next = argument(6), armed = argument(7), overlap = argument(8), most_runs = argument(9),
    most_failures = argument(10), missed = argument(11), missed_line = argument(12), looked_for = argument(13),
    found = argument(14), number = tonumber(argument(15)), instants = {}}
  for i = 1, tonumber(argument(16)) do
    local first = 14 + 3 * i
    fire.instants[i] = {nominal = argument(first), due = argument(first + 1), id = argument(first + 2)}
  end
  fires[#fires + 1] = fire
  position = position + 17 + 3 * #fire.instants
end

local decided = {}
for _, fire in ipairs(fires) do
  -- Nothing is written yet, so a second fire of one schedule would look as good as the first.
  if decided[fire.id] then
    fire.outcome, fire.state = 'stale', {}
  else
    fire.outcome, fire.detail = decide(fire)
  end
  decided[fire.id] = true
end

for _, fire in ipairs(fires) do
  if fire.outcome == 'done' and fire.template then
    for _, run in ipairs(fire.started) do make_run(fire.id, fire.template, run.id, fire.state.slow == '1') end
  end
end
push_runs()
for _, fire in ipairs(fires) do
  if (fire.outcome == 'done' or fire.outcome == 'waiting') and fire.template then advance(fire) end
end

local reply = {'ok', now_us}
for _, fire in ipairs(fires) do
  local handed_off, skipped, remembered = {}, {}, {}
  if fire.stray then redis.call('ZREM', fire.stray, fire.id) end
  if fire.repeated then handed_off = {fire.repeated.id, fire.repeated.due} end
  if fire.outcome == 'done' and fire.template then
    keep_books(fire)
    for _, run in ipairs(fire.started) do
      handed_off[#handed_off + 1] = run.id
      handed_off[#handed_off + 1] = run.due
    end
    for i, run in ipairs(fire.skipped) do skipped[i] = run.nominal end
    for i, run in ipairs(fire.remembered) do remembered[i] = run.nominal end
  elseif fire.outcome == 'paused' or fire.outcome == 'broken' then
    if fire.mode == 'manual' then
      -- Its caller is told.
    elseif fire.outcome == 'broken' then
      quarantine(index, fire.id, fire.due ~= '' and fire.due or now_score, fire.detail, fire.template and fire.template.queue)
      pause(fire, fire.detail)
      local run = fire.instants[#fire.instants]
      if run then add_history(fire.id, {table.concat({'failed', run.nominal, run.due, now_us, run.id}, ' ')}) end
    else
      redis.call('HSET', schedule_key(fire.id), 'failures', 0, 'live', table.concat(fire.live, ' '))
      pause(fire, fire.detail)
    end
  end
  reply[#reply + 1] = {fire.outcome, fire.template and fire.template.queue or '', fire.detail or '', handed_off, skipped,
    remembered, fire.stops or {}, (all_slow or fire.state.slow == '1') and '1' or '0'}
end
return reply
