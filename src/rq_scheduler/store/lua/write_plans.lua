-- Writes plans that Python has made, each if the schedule is what it was when it was read, books the instants that were missed, and fires
-- what is due by them. Recurring jobs of the 0.14 API are among them.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 RQ's default timeout, 6 '1' when RQ itself has to enqueue every
--          run, 7 until when an instant runs though the next one is due (us), 8 '1' when each run is to be told, 9 entries
--          (MessagePack), a list each: id, rev, due and armed as read, plan ('' when there is no instant left), policy, made_with, when it is to be
--          planned next (unix seconds, '' for never), missed, line of the history of those, what the queues' lists say of runs: 'gone id
--          ...', 'there id ...' or '', runs that a recurring job has left, as read ('' for any number), bytes of its
--          meta after the next run, 10 those metas, one behind the other, 11 name of the dispatcher
-- returns  {'ok', now in us, '1' when something is due by now that was not fired, '1' when a plan does not serve what is due, for each entry
--          '1' if it was written, else '0' (one text, which ends where there was no time for more), runs by queue, those that are told,
--          answers: see fire; more outcomes: check (detail: the job ids to look for), ended; lateness: see fire}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    an instant that was missed is counted once; each (schedule, nominal time) is handed off at most once
local prefix, fence_key, fence_token, fence_ttl, default_timeout = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local all_via_rq, lasting, tells = ARGV[6] == '1', tonumber(ARGV[7]), ARGV[8] == '1'
local index, dispatcher = KEYS[1], ARGV[11]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include overlap
-- @include events
-- @include counters
-- @include quarantine
-- @include revision
-- @include schedule
-- @include runs_as
-- @include via_rq
-- @include runs
-- @include history
-- @include previous_runs
-- @include plan
-- @include open_runs
local settling
do -- a script has at most 200 locals
-- @include tally
-- @include pausing
-- @include ends
-- @include run_lines
-- @include settling
end
-- @include lateness
local jobs = {}
do -- a script has at most 200 locals
-- @include entry
-- @include ending
-- @include recurring
-- @include keeping
-- @include recurring_fires
end
-- @include answers
-- @include deciding
-- @include firing
jobs.counts, jobs.told, jobs.answers = counts, told, answers
local AGAIN = 0.05 -- seconds until the next look at what a plan that was just written does not serve

local metas_read = 0
local function read_plan(fields)
  local entry = {}
  entry.id, entry.rev, entry.due, entry.armed, entry.plan, entry.policy, entry.made_with, entry.plan_at, entry.missed, entry.missed_line,
    entry.found, entry.runs_left, entry.meta_bytes = unpack(fields, 1, 13)
  entry.next_meta = string.sub(ARGV[10], metas_read + 1, metas_read + entry.meta_bytes)
  metas_read = metas_read + entry.meta_bytes
  return entry
end

local function is_current(entry)
  local record = try('HMGET', schedule_key(entry.id), 'kind', 'rev', 'armed', 'paused', 'repeat')
  if record.err then return false end
  entry.is_job = record[1] == 'job'
  if entry.is_job and jobs.misfit() then return false end
  entry.index = entry.is_job and scheduled_jobs or index
  entry.score = call('ZSCORE', entry.index, entry.id)
  return (entry.is_job and (record[5] or '') == entry.runs_left or record[1] == 'schedule' and record[4] ~= '1') and record[2] == entry.rev
    and (record[3] or '') == entry.armed and same_moment(entry.score, entry.due)
end

local planned, plan_ats = {}, {} -- what leaves `unplanned`, and when to_plan has it next: with all others
local function write(entry)
  local id, key = entry.id, schedule_key(entry.id)
  local first = string.match(entry.plan, '^%S+') or ''
  call('HSET', key, 'plan', entry.plan, 'plan_rev', entry.rev, 'policy', entry.policy, 'made_with', entry.made_with, 'armed', first)
  if entry.found ~= '' then
    call('HSET', key, 'looked_for', dated(entry.found))
  end
  if entry.runs_left ~= '' then call('HSET', key, 'next_meta', entry.next_meta) end
  if first == '' then
    call('ZREM', entry.index, id)
    entry.score = nil
  elseif first ~= entry.armed then
    local score = string.format('%.6f', seconds_of(string.match(first, ':(.*)$')))
    call('ZADD', entry.index, score, id)
    if entry.is_job then jobs.list_as_due(id, score) end
    entry.score = score
  end
  planned[#planned + 1] = id
  if entry.plan_at == '' then
    call('ZREM', to_plan, id)
  else
    plan_ats[#plan_ats + 1], plan_ats[#plan_ats + 2] = entry.plan_at, id
  end
  if entry.missed > 0 then
    try('HINCRBY', key, 'missed', entry.missed)
    counters.add('not_run:missed', entry.missed)
    add_history(id, {entry.missed_line .. ' ' .. now_us}, try('HGET', key, 'keep_runs') or nil)
    local from, to, count = string.match(entry.missed_line, '^x (%S+) (%S+) (%S+)')
    settling.note_not_run(id, 'm', table.concat({long_time(from), long_time(to), count}, ' '), true)
    tell('missed', id, 'first', long_time(from), 'last', long_time(to), 'count', entry.missed)
  end
end

local fires, job_fires, left = {}, {}, {}
local function fire_of(entry)
  if entry.is_job then
    local fire = jobs.due_fire(entry.id, entry.score, jobs.read_record(entry.id), lasting)
    if fire then fire.outcome = jobs.decide(fire) end
    if not fire or fire.outcome == 'changed' then return nil end
    job_fires[#job_fires + 1] = fire
    return fire
  end
  local fire = due_fire(entry.id, entry.score, read_record(entry.id), math.huge, lasting)
  if fire then
    fire.outcome, fire.detail = decide(fire)
    fires[#fires + 1] = fire
  end
  return fire
end

local written, seen, finished = {}, {}, {}
for i, fields in ipairs(cmsgpack.unpack(ARGV[9])) do
  if i > 1 and has_looked_long() then break end -- the others come by another call
  runs_looked_at = runs_looked_at + 10 -- which takes as long as this
  local entry = read_plan(fields)
  local id = entry.id
  written[i] = not seen[id] and is_current(entry) and '1' or '0'
  seen[id] = true -- a fire is decided before any is written: two of one schedule would both look good
  if written[i] == '1' then
    write(entry)
    if entry.is_job and entry.plan == '' then finished[#finished + 1] = id end
    if entry.score and tonumber(entry.score) <= now then
      local fire = fire_of(entry)
      if not fire or fire.outcome == 'check' then left[#left + 1], left[#left + 2] = string.format('%.6f', now + AGAIN), id end
    end
  elseif try('EXISTS', schedule_key(id)) == 1 then
    call('ZADD', unplanned, 'XX', now_score, id) -- somebody has changed it: whoever takes it next
  end
end

call_in_chunks('ZREM', unplanned, planned)
call_in_chunks('ZADD', to_plan, plan_ats)
for _, id in ipairs(finished) do jobs.finish(id) end
commit(fires)
local a_job_is_due = jobs.commit(job_fires)
call_in_chunks('ZADD', unplanned, left)
call_in_chunks('ZADD', unplanned, still_due) -- its plan ends there, or another instant has overtaken it
local late = lateness.write()
counters.write()
return {'ok', now_us, (still_due[1] or a_job_is_due) and '1' or '0', left[1] and '1' or '0', table.concat(written), counts_told(), told,
  answers, late}
