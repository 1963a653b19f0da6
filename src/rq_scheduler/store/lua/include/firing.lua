-- Writes what was decided of fires (`commit`). The order decides what a fault loses: jobs of runs, pushes, records and index, and then what
-- only informs. Needs: deciding, and what that needs; rq_queueing, quarantine, revision, history, open_runs, counters, events, lateness,
-- answers; index, dispatcher, all_via_rq, default_timeout.

local function goes_via_rq(job) return all_via_rq or job.slow end

-- Of what was to start: a run whose job is there counts as made.
local function make_runs(fire)
  local kept, made = fire.started, nil
  for i, run in ipairs(fire.started) do
    local is_new = make_run(fire.id, fire.job, run.id, goes_via_rq(fire.job), default_timeout)
    if made then
      if is_new then made[#made + 1] = run end
    elseif not is_new then
      made = {unpack(kept, 1, i - 1)}
    end
  end
  fire.started = made or kept
end

-- Arms the instant behind this one, with all others at the end.
local armings, still_due = {}, {}
local function arm_follower(id, instant)
  if instant.follower == '' then
    call('ZREM', index, id)
    return
  end
  local length = #armings
  armings[length + 1], armings[length + 2] = instant.next_due_us / 1000000, id
  if instant.next_due_us <= us then still_due[#still_due + 1], still_due[#still_due + 2] = now_score, id end
end

local fields, width = {}, 0
local function set(field, value)
  fields[width + 1], fields[width + 2] = field, value
  width = width + 2
end

local function advance_due(fire)
  local last = fire.instants[#fire.instants]
  if is_behind(last.nominal, fire.record[MARK]) then set('mark', last.nominal) end
  if is_full(fire) then
    set('armed', '')
    call('ZREM', index, fire.id)
  else
    set('armed', last.follower)
    arm_follower(fire.id, last)
  end
end

-- What makes the step final: the high-water mark and the next instant, right behind the push.
local function advance(fire)
  local id, record, started, live = fire.id, fire.record, fire.started, fire.live
  local last_run = started[#started]
  width = 0
  if fire.mode == 'due' then
    advance_due(fire)
  elseif fire.mode == 'manual' then
    set('manual', fire.number)
    set('manual_id', fire.run.id)
  end
  if #live == 0 and last_run == started[1] then
    set('live', last_run and last_run.id or '')
  else
    local ids = {unpack(live)}
    for _, run in ipairs(started) do ids[#ids + 1] = run.id end
    set('live', table.concat(ids, ' ', math.max(1, #ids - KEPT_RUNS + 1)))
  end
  if fire.liveness and fire.liveness.found == 'there' then set('looked_up_at', now_us) end
  if record[LOOKED_FOR] and record[LOOKED_FOR] ~= '' then set('looked_for', '') end
  if fire.stops or fire.mode == 'buffered' then set('stopping', table.concat(fire.stops or NONE, ' ')) end
  if last_run then
    set('runs', fire.runs + counted(started))
    set('last_run_at', now_us)
    set('last_run_id', last_run.id)
    if record[SKIPS] then set('skips_in_a_row', 0) end
  elseif fire.skipped then
    set('skips_in_a_row', count(record[SKIPS]) + #fire.skipped)
  end
  call('HSET', schedule_key(id), unpack(fields, 1, width))
  if fire.taken then call('LPOP', buffer_key(id)) end
  for _, run in ipairs(fire.buffered or NONE) do
    call('RPUSH', buffer_key(id), table.concat({run.outcome, run.nominal, run.due, run.id}, ' '))
  end
  -- A look at what is buffered, and at what was to stop.
  if (size(fire.stops) > 0 or fire.waiting + size(fire.buffered) > 0) and record[PAUSED] ~= '1' then
    call('ZADD', buffered_schedules, string.format('%.6f', now + 1), id)
  elseif fire.taken or fire.mode == 'buffered' then
    call('ZREM', buffered_schedules, id)
  end
end

local function keep_books(fire)
  local id, kept, started, by = fire.id, fire.record[KEPT], fire.started, open_runs.number_of(dispatcher)
  local enters_queue = not goes_via_rq(fire.job)
  for _, run in ipairs(started) do
    open_runs.add(id, run.id)
    if enters_queue then counters.hand_off(run.outcome == 'manual' and 'manual' or 'scheduled', fire.job.queue, 1) end
  end
  if started[1] and fire.record[SKIPS] and fire.record[SKIPS] ~= '0' then tell('skipping_ended', id, 'skipped', fire.record[SKIPS]) end
  if not (fire.skipped or started[2]) then
    local run = started[1]
    if run then add_lines(id, kept, history_line(run.outcome, run.nominal, run.due, run.id, by)) end
    return
  end
  local lines = {}
  for i, run in ipairs(started) do lines[i] = history_line(run.outcome, run.nominal, run.due, run.id, by) end
  if fire.skipped then
    try('HINCRBY', schedule_key(id), 'skipped', #fire.skipped)
    counters.add('not_run:skipped', #fire.skipped)
    local held_up_by = string.sub((fire.going[1] or started[#started].id), #id + 1)
    for _, run in ipairs(fire.skipped) do lines[#lines + 1] = history_line('skipped', run.nominal, run.due, run.id, by, held_up_by) end
  end
  add_history(id, lines, kept)
  if fire.skipped then
    local is_new = count(fire.record[SKIPS]) == 0 or started[1] ~= nil
    settling.note_skips(id, fire.skipped[1].nominal, is_new, fire.going[1] or started[#started].id)
  end
end

-- Takes a schedule that cannot go on out of the way, where a person sees it and why.
local function put_aside(fire)
  local id = fire.id
  if fire.outcome == 'broken' then
    quarantine(index, id, call('ZSCORE', index, id) or now_score, fire.detail, fire.job.queue)
  else
    call('HSET', schedule_key(id), 'live', table.concat(fire.live, ' '))
  end
  settling.pause(index, id, fire.detail)
  if fire.outcome == 'paused' then tell('paused_for_failures', id, 'note', fire.detail) end
  local last = fire.outcome == 'broken' and fire.instants[#fire.instants]
  if last then add_history(id, {history_line('failed', last.nominal, last.due, id .. last.ending)}, fire.record[KEPT]) end
end

local function answer(fire)
  local job, is_via_rq = fire.job, goes_via_rq(fire.job)
  if fire.outcome ~= 'done' or not fire.started[1] or is_via_rq or fire.stops or fire.skipped or fire.buffered or fire.mode == 'manual'
      or count(fire.record[SKIPS]) > 0 then
    tell_fire(fire, is_via_rq)
    return
  end
  for _, run in ipairs(fire.started) do
    count_runs(job.queue, lateness.bucket(us - run.due), 1)
    tell_run(job.queue, run.id, run.due)
  end
end

-- The books of a fire, and its answer.
local function settle(fire)
  if fire.outcome == 'done' then
    keep_books(fire)
  elseif fire.mode ~= 'manual' and (fire.outcome == 'paused' or fire.outcome == 'broken') then
    put_aside(fire) -- the caller of a manual run is told
  end
  answer(fire)
end

-- Writes what was decided of these fires (outcome, detail; some may be of `plain_fires`), and answers each.
local plain = {count = function() end} -- only some scripts fill it
local function commit(fires)
  for _, fire in ipairs(fires) do
    if fire.outcome == 'broken' then check_quarantine() end
    if fire.outcome == 'broken' or fire.outcome == 'paused' then check_revisions() end
  end
  make_and_push(function()
    for i, fire in ipairs(fires) do
      if fire[1] then fires[i] = plain.make(fire) elseif fire.outcome == 'done' then make_runs(fire) end
    end
  end)
  for _, fire in ipairs(fires) do
    if fire[1] then plain.advance(fire) elseif fire.outcome == 'done' or fire.outcome == 'waiting' then advance(fire) end
  end
  call_in_chunks('ZADD', index, armings)
  for _, fire in ipairs(fires) do
    if fire[1] then
      plain.keep_books(fire)
    else
      settle(fire)
    end
  end
  plain.count()
  open_runs.write()
end
