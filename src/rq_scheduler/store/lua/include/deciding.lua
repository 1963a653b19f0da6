-- What becomes of a fire of a schedule: `decide`, which writes nothing of it; `firing` does. The scripts that fire say which, and why.
-- Needs: prefix, clock, schedule, runs_as, runs, previous_runs, plan, settling.
local us = tonumber(now_us)
local call, try = redis.call, redis.pcall
local nobody_buffers = call('ZCARD', buffered_schedules) == 0
local NONE = {}
-- A script decides for so long, and writing takes as long again. The time of Redis stands still meanwhile, and before 7.4 its Lua has no
-- clock either: there the runs that were looked at are counted, about a microsecond and a half each.
local has_looked_long
do
  local LONGEST_LOOK, MOST_RUNS_LOOKED_AT = 0.004, 2000
  local clock = rawget(_G, 'os') and os.clock or function() return runs_looked_at * LONGEST_LOOK / MOST_RUNS_LOOKED_AT end
  local began -- with the first question
  function has_looked_long()
    began = began or clock()
    return clock() - began > LONGEST_LOOK
  end
end

local KIND, REV, PAUSED, MARK, LIVE, RUNS, KEPT, SKIPS, RUNS_AS, POLICY, ARMED, PLAN, PLAN_REV, UPDATED, SIZE, LOOKED_FOR =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
local function read_record(id)
  local record = try('HMGET', schedule_key(id), 'kind', 'rev', 'paused', 'mark', 'live', 'runs', 'keep_runs', 'skips_in_a_row',
    'runs_as', 'policy', 'armed', 'plan', 'plan_rev', 'updated', 'size', 'looked_for')
  return record.err and NONE or record
end

local function count(value) return tonumber(value or '') or 0 end

-- Decimal texts of microseconds, compared exactly.
local function is_behind(nominal, mark)
  if not tonumber(mark or '') then return true end
  if string.byte(nominal) == 45 or string.byte(mark) == 45 then return tonumber(nominal) > tonumber(mark) end
  if #nominal ~= #mark then return #nominal > #mark end
  return nominal > mark
end

-- A fire: id, record, mode ('due', 'buffered', 'manual'), policy, and instants (of a plan, in order) of one that is due. What
-- decide() adds: outcome, detail, job, started (runs), skipped, buffered, stops, ...

-- With room for what decide() adds to nearly all: a table that grows field by field takes longer than all of deciding, and one of more
-- than 16 fields twice the memory.
local function new_fire(id, record, mode, policy, instants)
  return {id = id, record = record, mode = mode, policy = policy, instants = instants, job = NONE, started = NONE, runs = 0,
    live = NONE, going = NONE, waiting = 0, outcome = 'stale', detail = ''}
end

-- The fire of a schedule that is due, by its plan; nil when Python has to say what runs. `most`, `lasting`: see served_by.
local function due_fire(id, score, record, most, lasting)
  local policy = record[POLICY] and policy_of(record[POLICY])
  local armed, plan = record[ARMED], record[PLAN]
  if not (policy and armed and plan and record[REV] and record[REV] == record[PLAN_REV]) then return nil end
  local instants = served_by(plan, armed, policy, count(record[UPDATED]), us, most, lasting)
  if not instants or not is_due_at(instants[1], score) then return nil end
  return new_fire(id, record, 'due', policy, instants)
end

-- How many runs it buffers. An active one that does is in the set of those, which is nearly always empty.
local function buffer_length(fire)
  if nobody_buffers and fire.record[PAUSED] ~= '1' and fire.policy.most_buffered == 0 then return 0 end
  return try('LLEN', buffer_key(fire.id))
end

-- How many of the buffered runs will count for max_runs: one that a person asked for does not. Counted only where it matters: there
-- may be a thousand.
local function buffered_for_max_runs(fire)
  local most = fire.policy.most_runs
  if not most or fire.runs + fire.waiting + #fire.instants < most then return 0 end
  local number = 0
  for _, line in ipairs(call('LRANGE', buffer_key(fire.id), 0, -1)) do
    if string.sub(line, 1, 9) == 'enqueued ' then number = number + 1 end
  end
  return number
end

local function overlap_of(fire) return fire.is_forced and 'allow' or fire.policy.overlap end

local function look_at_earlier_runs(fire)
  local record, live = fire.record, fire.record[LIVE]
  if not live or live == '' then return end
  -- Nearly always there is one, and it has finished: that needs no lists.
  if not string.find(live, ' ', 1, true) and try('HGET', prefix .. ':job:' .. live, 'status') == 'finished' then return end
  local ids = words_of(live)
  local is_crowded = #ids + #fire.instants > KEPT_RUNS
  if overlap_of(fire) == 'allow' and fire.waiting == 0 and not is_crowded then
    fire.live = ids
    return
  end
  fire.liveness = fire.liveness or liveness_check(record[LOOKED_FOR], us)
  fire.going, fire.queued, fire.live = look_at_runs(ids, fire.liveness, is_crowded)
end

-- Only where nothing else holds it up can runs that are in no queue any more stop it for good: Python looks for them, now and then.
local function needs_liveness_check(fire)
  return fire.going[1] and #fire.going == #fire.queued and not fire.liveness
    and (count(fire.record[SKIPS]) > 0 or fire.waiting > 0 or fire.mode == 'manual')
    and not is_recent(count(call('HGET', schedule_key(fire.id), 'looked_up_at')), us, LOOK_EVERY)
end

-- Adds to a list of the fire. Most would stay empty, and are not made.
local function add(fire, name, value)
  local list = fire[name]
  if list then list[#list + 1] = value else fire[name] = {value} end
end

local function size(list) return list and #list or 0 end

local function owed(fire) return fire.owed or 0 end -- buffered runs that will count for max_runs

local function has_job(run) return call('EXISTS', prefix .. ':job:' .. run.id) == 1 end

-- Few start more than one.
local function start(fire, run)
  local started = fire.started
  if started[1] then started[#started + 1] = run else fire.started = {run} end
end

-- The oldest buffered run starts when none is going.
local function start_buffered(fire)
  local line = not fire.going[1] and call('LINDEX', buffer_key(fire.id), 0)
  if not line then return end
  local outcome, nominal, due, id = string.match(line, '^(%S+) (%S+) (%S+) (%S+)$')
  fire.taken = line
  fire.waiting = fire.waiting - 1
  if outcome == 'enqueued' then fire.owed = owed(fire) - 1 end
  local run = {outcome = outcome, nominal = nominal, due = due, id = id}
  if id and not has_job(run) then start(fire, run) end
end

-- Starts a run, buffers it, or leaves it out.
local function place(fire, run)
  local started, overlap, waiting = fire.started, overlap_of(fire), fire.waiting + size(fire.buffered)
  -- What a paused one buffers waits for the resume; what a person asks for does not.
  local behind = fire.going[1] or started[1] or (waiting > 0 and fire.record[PAUSED] ~= '1')
  if behind and overlap == 'replace' then
    for _, id in ipairs(fire.going) do add(fire, 'stops', id) end
    if started[1] then add(fire, 'stops', started[#started].id) end
    fire.going = NONE
  elseif behind and overlap ~= 'allow' then
    if waiting < OVERLAPS[overlap] then add(fire, 'buffered', run) else add(fire, 'skipped', run) end
    return
  end
  start(fire, run)
end

local function counted(runs)
  local number = 0
  for _, run in ipairs(runs) do
    if run.outcome == 'enqueued' then number = number + 1 end
  end
  return number
end

local function is_full(fire)
  local most = fire.policy.most_runs
  return most and fire.runs + counted(fire.started) + owed(fire) + size(fire.buffered) >= most
end

-- Places the runs of the instants that are due.
local function place_instants(fire)
  local mark, several = fire.record[MARK], fire.instants[2]
  for _, instant in ipairs(fire.instants) do
    if is_full(fire) then return end
    if is_behind(instant.nominal, mark) then
      local run = {nominal = instant.nominal, due = instant.due, id = fire.id .. instant.ending, outcome = 'enqueued'}
      if not (several and has_job(run)) then place(fire, run) end -- one alone: its COPY finds the job
    end
  end
end

-- What became of a manual run (fire.run) whose number is not the next one: it was sent again, since the reply was lost, or another has
-- had the number. Nil when it is the next.
local function made_before(fire)
  local record = call('HMGET', schedule_key(fire.id), 'manual', 'manual_id', 'stopping')
  local number, run = count(record[1]), fire.run
  if number == fire.number - 1 then return nil end
  if has_job(run) then fire.repeated = run end
  if not (record[2] == run.id or (number >= fire.number and fire.repeated)) then return 'stale' end
  fire.stops = still_going(words_of(record[3]))
  return 'repeated'
end

-- What is known of it before anything is decided. Returns what stands in the way, if so, and why.
local function prepare(fire)
  local job = read_runs_as(fire.record[RUNS_AS] or '')
  fire.job, fire.runs = job, count(fire.record[RUNS])
  local reason = fault_of(fire.id, job)
  if reason then return 'broken', reason end
  local waiting = buffer_length(fire)
  if type(waiting) ~= 'number' then return 'broken', 'the key ' .. buffer_key(fire.id) .. ' is no list' end
  fire.waiting = waiting
  if waiting > 0 then fire.owed = buffered_for_max_runs(fire) end
  look_at_earlier_runs(fire)
  local most_failures = fire.policy.most_failures
  if fire.mode ~= 'manual' and most_failures then
    settling.settle_newest(fire.id) -- which only counts: what is decided may still be refused
    local failures = settling.failures_of(fire.id)
    if failures >= most_failures then return 'paused', settling.paused_note(failures) end
  end
  if needs_liveness_check(fire) then return 'check', table.concat(fire.queued, ' ') end
end

-- Decides what becomes of a fire: done, waiting (the buffered run cannot start yet), check (detail: the job ids to look for), paused and
-- broken (detail: why), stale and repeated (of a manual run). Writes nothing.
local function decide(fire)
  if fire.mode == 'manual' then
    local before = made_before(fire)
    if before then return before end
  end
  local outcome, detail = prepare(fire)
  if outcome then return outcome, detail end
  if fire.waiting > 0 and fire.record[PAUSED] ~= '1' then start_buffered(fire) end
  if fire.mode == 'due' then
    place_instants(fire)
  elseif fire.mode == 'manual' then
    if has_job(fire.run) then fire.repeated = fire.run else place(fire, fire.run) end
  else
    fire.stops = still_going(words_of(call('HGET', schedule_key(fire.id), 'stopping')))
    if not fire.started[1] and fire.waiting > 0 then return 'waiting' end
  end
  return 'done'
end
