-- Starts buffered runs whose predecessors have ended.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 RQ's default timeout, 6 '1' when RQ itself has to enqueue every
--          run, 7 most schedules to look at, 8 most bytes of calls, which the runs are copies of, 9 '1' when each run is to be told, 10 id of
--          one whose earlier runs were looked for, or '', 11 what the queues' lists say of them: 'gone id ...' or 'there id ...',
--          12 name of the dispatcher
-- returns  {'ok', now in us, when to look again, or '', runs by queue, those that are told, answers: see fire; more outcomes: waiting,
--          check (detail: the job ids to look for), ended; lateness: see fire}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    a buffered run starts once
local prefix, fence_key, fence_token, fence_ttl, default_timeout = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local all_via_rq, most_looks, most_bytes, tells = ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local looked_for, found = ARGV[10], ARGV[11]
local index, dispatcher = KEYS[1], ARGV[12]
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
local NO_POLICY = 'skip one - - -' -- of a record that an older version wrote

local fires, job_fires, unready, strays, bytes = {}, {}, {}, {}, 0
local function look_at_job(id)
  if jobs.misfit() then return end
  local record = jobs.read_record(id)
  local fire = jobs.buffered_fire(id, record)
  if not fire then
    strays[#strays + 1] = id
    return
  end
  if found ~= '' then fire.liveness = liveness_check(dated(found), us) end
  fire.outcome = jobs.decide(fire)
  bytes = bytes + (fire.entry.bytes or 0)
  if fire.outcome == 'changed' or (jobs.lacks_meta(fire) and call('ZSCORE', scheduled_jobs, id)) then
    unready[#unready + 1], unready[#unready + 2] = now_score, id -- Python first
    fire.outcome = 'waiting'
  end
  job_fires[#job_fires + 1] = fire
end

local function look_at(id)
  local record = read_record(id)
  if record[KIND] == 'job' then
    if bytes <= most_bytes then look_at_job(id) end
  elseif record[KIND] ~= 'schedule' or record[PAUSED] == '1' then
    strays[#strays + 1] = id -- a foreign hand put it here, or took its record away
  else
    bytes = bytes + count(record[SIZE])
    if fires[1] and bytes > most_bytes then return end
    local fire = new_fire(id, record, 'buffered', policy_of(record[POLICY] or '') or policy_of(NO_POLICY), NONE)
    if found ~= '' then fire.liveness = liveness_check(dated(found), us) end
    fire.outcome, fire.detail = decide(fire)
    fires[#fires + 1] = fire
  end
end

if looked_for == '' then
  for _, id in ipairs(call('ZRANGEBYSCORE', buffered_schedules, '-inf', now_score, 'LIMIT', 0, most_looks)) do
    look_at(id)
    if has_looked_long() then break end
  end
elseif call('ZSCORE', buffered_schedules, looked_for) then
  look_at(looked_for)
end
commit(fires)
jobs.commit(job_fires)
jobs.note_unplanned(unready)
for _, id in ipairs(strays) do call('ZREM', buffered_schedules, id) end
local late = lateness.write()
counters.write()
return {'ok', now_us, call('ZRANGE', buffered_schedules, 0, 0, 'WITHSCORES')[2] or '', counts_told(), told, answers, late}
