-- Fires of recurring jobs of the 0.14 API: what becomes of one (jobs.decide), and the writes (jobs.commit). All runs re-use one job id, and
-- the live hash is their template: it is reset and pushed again. The scripts that fire say which jobs, and why.
-- Adds to the table `jobs`, which has what fires came to: counts (runs by queue), told, answers. Needs: clock, rq_queueing, entry, quarantine,
-- schedule, recurring, keeping, revision, overlap, ending, history, previous_runs, plan, open_runs, settling, counters, lateness, dispatcher,
-- via_rq, prefix, default_timeout, all_via_rq, tells.
local scheduled_jobs = prefix .. ':scheduler:scheduled_jobs'

function jobs.read_record(id)
  local values = redis.pcall('HMGET', schedule_key(id), 'kind', 'rev', 'armed', 'plan', 'plan_rev', 'policy', 'looked_for', 'meta',
    'created_at', 'skips_in_a_row', 'looked_up_at', 'buffered', 'retries', 'repeat', 'next_meta')
  if values.err then return {} end
  local record = {}
  record.kind, record.rev, record.armed, record.plan, record.plan_rev, record.policy, record.looked_for, record.meta, record.created_at,
    record.skips, record.looked_up_at, record.buffered, record.retries, record.runs_left, record.next_meta = unpack(values, 1, 15)
  record.skips, record.looked_up_at = tonumber(record.skips or '') or 0, tonumber(record.looked_up_at or '') or 0
  return record
end

-- What is wrong with a key that the scripts which plan and fire them need, if one is of a wrong type: they stay where they are until it is
-- moved away, and nothing else does.
local looked_for_misfit, misfit = false, nil
function jobs.misfit()
  if looked_for_misfit then return misfit end
  looked_for_misfit = true
  local ok, refusal = pcall(function()
    check_revisions()
    for _, key in ipairs({scheduled_jobs, buffered_schedules, to_plan, unplanned, via_rq, paused_schedules}) do redis.call('ZCARD', key) end
  end)
  if not ok then misfit = type(refusal) == 'table' and refusal.err or refusal end
  return misfit
end

-- Whether Python has to say first which meta the job has after this run, since its runs are counted.
function jobs.lacks_meta(fire) return filled(fire.record.runs_left) and not fire.record.next_meta end

-- The fire of a job that is due, by its plan; nil when Python has to say what runs. `lasting`: see served_by. What was named before its
-- definition runs too (an upgrade finds it late), and so does what a caller moved to before its last run.
function jobs.due_fire(id, score, record, lasting)
  local policy = record.policy and policy_of(record.policy)
  if not (policy and record.armed and record.plan and record.rev and record.rev == record.plan_rev) then return nil end
  if jobs.lacks_meta({record = record}) then return nil end
  local served = served_by(record.plan, record.armed, policy, -math.huge, tonumber(now_us), 1, lasting)
  local instant = served and served[1]
  if not instant or not same_moment(score, instant.due_us / 1000000) then return nil end
  return {id = id, record = record, score = score, nominal = instant.nominal, due = instant.due, follower = instant.follower,
    next_due_us = instant.next_due_us, overlap = policy.overlap}
end

-- The fire of a run that a job buffers; nil when it buffers none.
function jobs.buffered_fire(id, record)
  if not filled(record.buffered) then return nil end
  return {id = id, record = record, score = redis.call('ZSCORE', buffered_schedules, id), nominal = record.buffered, due = record.buffered,
    is_buffered = true}
end

-- The job as the copy in the record has it, for one whose hash has expired.
local function entry_from_copy(id, record, copy)
  local template, field = cmsgpack.unpack(copy), {}
  for i = 1, #template, 2 do field[template[i]] = template[i + 1] end
  return {kind = 'ready', key = prefix .. ':job:' .. id, status = false, origin = field.origin, timeout = field.timeout,
    ttl = tonumber(field.ttl or ''), meta = record.meta, at_front = field.enqueue_at_front, template = template, bytes = #copy,
    depends = filled(field.dependency_ids) or filled(field.dependency_id), rate_limited = filled(field.rate_limit_key)}
end

-- What stands in the way of the run, by what its job is now: ended (it was deleted), changed (Python has to adopt it anew), broken.
local function read_job(fire)
  local record, entry = fire.record, read_entry(fire.id)
  fire.entry = entry
  if entry.gone then
    local copy = redis.call('HGET', schedule_key(fire.id), 'template')
    if not copy then return 'ended' end
    fire.entry = entry_from_copy(fire.id, record, copy)
    return nil
  end
  if entry.kind == 'broken' and not entry.no_data then return 'broken' end
  -- What deletes a job leaves no hash. A worker that runs it then writes back a few fields, or all but the meta.
  if entry.no_data or not filled(entry.created_at) then return 'ended' end
  if entry.created_at ~= record.created_at then return 'changed' end
  if (entry.meta or '') ~= (record.meta or '') then return filled(entry.meta) and 'changed' or 'ended' end
end

-- Decides what becomes of a fire: done, skipped, buffered, waiting (the buffered run cannot start yet), check (the queue's list has to be
-- looked into), ended (its job was deleted), changed (since it was adopted), broken (fire.detail: why).
-- Writes nothing.
function jobs.decide(fire)
  local stands_in_the_way = read_job(fire)
  local record, entry = fire.record, fire.entry
  if stands_in_the_way then
    fire.detail = entry.reason
    return stands_in_the_way
  end
  fire.detail = fault_of_queue(entry.origin)
  if fire.detail then return 'broken' end
  local us = tonumber(now_us)
  fire.liveness = fire.liveness or liveness_check(record.looked_for, us)
  if is_going(fire.id, entry.status, entry.origin, fire.liveness and fire.liveness.found or '') then
    if entry.status == 'queued' and (record.skips > 0 or fire.is_buffered) and not fire.liveness
        and not is_recent(record.looked_up_at, us, LOOK_EVERY) then
      fire.detail = fire.id
      return 'check'
    end
    if fire.is_buffered then return 'waiting' end
    return fire.overlap == 'buffer_one' and not filled(record.buffered) and 'buffered' or 'skipped'
  end
  fire.is_last = filled(record.runs_left) and (tonumber(record.runs_left) or 0) <= 1
  fire.via_rq = all_via_rq or entry.depends or entry.rate_limited or names(entry.meta, 'queue_class_name')
  return 'done'
end

-- A series ends with its last run, or when its trigger has no further instant and it buffers no run.
local function ends_series(fire)
  if fire.outcome == 'ended' or (fire.outcome == 'done' and fire.is_last) then return true end
  if fire.outcome == 'buffered' then return false end
  if fire.is_buffered then return not redis.call('ZSCORE', scheduled_jobs, fire.id) end
  return fire.follower == '' and not filled(fire.record.buffered)
end

-- Clears what the last run has left on the job, and in RQ's registries; the push comes later, with all others of its queue.
local function reset_job(fire)
  local id, entry, record = fire.id, fire.entry, fire.record
  local key = entry.key
  settling.settle_newest(id, id) -- of which nothing is left then
  if entry.template then call_in_chunks('HSET', key, entry.template) end
  local fields = {'started_at', '', 'ended_at', '', 'last_heartbeat', '', 'worker_name', ''}
  local function set(field, value) fields[#fields + 1], fields[#fields + 2] = field, value end
  if filled(record.next_meta) then
    set('meta', record.next_meta)
  elseif entry.template then
    set('meta', record.meta or '')
  end
  if filled(record.retries) then set('retries_left', record.retries) end
  if fire.via_rq then
    redis.call('HSET', key, 'status', 'scheduled', unpack(fields))
  else
    mark_queued(key, entry.timeout, default_timeout, unpack(fields))
    push_later(entry.origin, id, wants_front(entry.at_front))
  end
  redis.call('HDEL', key, 'result', 'exc_info', 'number_of_retries')
  if entry.ttl and entry.ttl > 0 then expire_job(id, entry.ttl) else redis.call('PERSIST', key) end
  if fire.ends then limit_last_run(key) end
  for _, registry in ipairs({'finished', 'failed', 'canceled', 'deferred'}) do
    redis.pcall('ZREM', prefix .. ':' .. registry .. ':' .. entry.origin, id) -- of a wrong type, it names no job
  end
  remove_dead_executions(id, entry.origin)
end

-- What makes the step final: the next instant, and what the fire changes in the record.
local is_one_due = false
local function advance_job(fire)
  local id, record, key, outcome = fire.id, fire.record, schedule_key(fire.id), fire.outcome
  if fire.is_buffered then redis.call('ZREM', buffered_schedules, id) end
  if fire.ends or fire.follower == '' then
    redis.call('ZREM', scheduled_jobs, id)
  elseif not fire.is_buffered then
    fire.next_score = string.format('%.6f', fire.next_due_us / 1000000)
    redis.call('ZADD', scheduled_jobs, 'XX', fire.next_score, id)
    is_one_due = is_one_due or fire.next_due_us <= tonumber(now_us)
  end
  if fire.ends then return end
  local fields, outdated = {'mark', fire.nominal}, {}
  local function set(field, value) fields[#fields + 1], fields[#fields + 2] = field, value end
  local function drop(field) outdated[#outdated + 1] = field end
  if not fire.is_buffered then set('armed', fire.follower) end
  if record.looked_for then drop('looked_for') end
  if fire.liveness and fire.liveness.found == 'there' then set('looked_up_at', now_us) end
  if outcome == 'buffered' then set('buffered', fire.nominal) end
  if outcome == 'done' then
    set('last_run_at', now_us)
    set('skips_in_a_row', '0')
    if fire.is_buffered then drop('buffered') end
    if record.next_meta then drop('next_meta') end
    if filled(record.next_meta) then
      set('meta', record.next_meta)
      drop('last_meta')
    end
  end
  redis.call('HSET', key, unpack(fields))
  if outdated[1] then redis.call('HDEL', key, unpack(outdated)) end
end

-- The books of a series, behind all that hands off.
local function keep_job_books(fire)
  local id, outcome, key = fire.id, fire.outcome, schedule_key(fire.id)
  if outcome == 'skipped' then counters.add('not_run:skipped', 1) end
  if outcome == 'done' and not fire.via_rq then
    counters.hand_off('recurring', fire.entry.origin, 1)
    lateness.note('recurring', lateness.bucket(now_us - fire.due), 1)
  end
  if fire.ends then
    local queue = forget_schedule(id)
    if outcome == 'done' then
      open_runs.add(id, id) -- of which there are no books any more: its end is counted
      let_traces_expire(id, queue, A_YEAR)
    else
      end_series(id, queue, A_YEAR, A_YEAR)
    end
    return
  end
  if outcome == 'buffered' then
    redis.call('ZADD', buffered_schedules, string.format('%.6f', now + 1), id)
  else
    redis.pcall('HINCRBY', key, outcome == 'done' and 'runs' or 'skipped', 1)
    if outcome == 'done' then
      open_runs.add(id, id)
      add_lines(id, nil, history_line('enqueued', fire.nominal, fire.due, id, open_runs.number_of(dispatcher)))
    else
      add_history(id, {history_line('skipped', fire.nominal, fire.due, id, nil, '=')})
    end
  end
  if outcome == 'skipped' then redis.pcall('HINCRBY', key, 'skips_in_a_row', 1) end
  if outcome == 'done' and filled(fire.record.runs_left) then
    redis.pcall('HINCRBY', key, 'repeat', -1)
    redis.call('ZADD', to_plan, now_score, id) -- the next run needs another meta
  end
  if fire.next_score then list_as_due(id, fire.next_score) end
end

local function answer_job(fire)
  local outcome, queue = fire.outcome, fire.entry and fire.entry.origin or ''
  if outcome == 'done' and fire.record.skips == 0 and not (fire.is_buffered or fire.via_rq) then
    jobs.counts[queue] = (jobs.counts[queue] or 0) + 1
    if tells then
      local told = jobs.told
      local n = #told
      told[n + 1], told[n + 2], told[n + 3] = fire.id, fire.due, queue
    end
    return
  end
  local is_done = outcome == 'done' or outcome == 'skipped' or outcome == 'buffered'
  jobs.answers[#jobs.answers + 1] = {fire.id, is_done and 'done' or outcome, queue or '', fire.detail or '',
    outcome == 'done' and {fire.id, fire.due} or {}, outcome == 'skipped' and {fire.nominal} or {},
    outcome == 'buffered' and {fire.nominal} or {}, {}, fire.via_rq and '1' or '0'}
end

-- Ends a series that has no further instant, unless it buffers a run.
function jobs.finish(id)
  if not filled(redis.call('HGET', schedule_key(id), 'buffered')) then end_series(id, forget_schedule(id), A_YEAR, A_YEAR) end
end

jobs.list_as_due = list_as_due

-- Has Python plan these {score, id, ...}. Who has taken one has it for two seconds: a later look does not change that.
function jobs.note_unplanned(list)
  for first = 1, #list, CHUNK do redis.call('ZADD', unplanned, 'NX', unpack(list, first, math.min(first + CHUNK - 1, #list))) end
end

-- Writes what was decided of these fires (outcome), and answers each. The order decides what a fault loses: jobs; then, a queue at a time,
-- the push and at once the re-arming of exactly those ids; then records. Returns whether an instant was armed that is due.
function jobs.commit(fires)
  if not fires[1] then return false end
  local by_id, for_rq = {}, {}
  for _, fire in ipairs(fires) do
    if fire.outcome == 'broken' then check_quarantine() end
    fire.ends = ends_series(fire)
    if fire.outcome == 'done' then
      -- A user who may not do all of that (ACL) is refused before a job is half queued, by doing it to nothing.
      if not next(by_id) then redis.call('HDEL', nothing, ''); redis.call('DEL', nothing); redis.call('PERSIST', nothing) end
      by_id[fire.id] = fire
      if fire.via_rq then for_rq[#for_rq + 1] = fire.id end
      reset_job(fire)
    end
  end
  push_all(function(ids)
    for _, id in ipairs(ids) do advance_job(by_id[id]) end
  end)
  wait_for_rq(for_rq)
  for _, fire in ipairs(fires) do
    if fire.outcome == 'waiting' then
      redis.call('ZADD', buffered_schedules, string.format('%.6f', now + 1), fire.id)
      if fire.liveness and fire.liveness.found == 'there' then redis.call('HSET', schedule_key(fire.id), 'looked_up_at', now_us) end
    elseif fire.outcome == 'broken' then
      quarantine(scheduled_jobs, fire.id, fire.score, fire.detail, fire.entry.origin or nil, true)
      keep_schedule(fire.id)
    elseif fire.outcome ~= 'check' then
      if fire.outcome ~= 'done' or fire.via_rq then advance_job(fire) end
      keep_job_books(fire)
    end
    answer_job(fire)
  end
  open_runs.write()
  return is_one_due
end
