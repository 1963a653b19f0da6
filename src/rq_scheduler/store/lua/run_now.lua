-- Makes a manual run of a schedule: one that a person asks for. Its cadence stays as it is, and no fence holds it up: no 0.14 daemon knows
-- of schedules.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 RQ's default timeout, 3 '1' when RQ itself has to enqueue every run, 4 id, 5 its policy, 6 number of the run, 7 when it
--          was asked for (us), 8 '1' when overlap does not matter, 9 what the queues' lists say of earlier runs: 'gone id ...', 'there id
--          ...' or '', 10 who asks for it
-- returns  the answer {id, outcome, ...}: see fire; outcomes: done, stale, broken, check (detail: the job ids to look for)
-- keeps    a run of one number is made once, also when it is sent again
local prefix, default_timeout, all_via_rq, id = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local policy, number, at, force, found = ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8] == '1', ARGV[9]
local actor = ARGV[10]
local index, tells, dispatcher = KEYS[1], true, ''
-- @include clock
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
-- @include answers
-- @include deciding
-- @include firing
-- @include audit
local record = read_record(id)
local run = {nominal = at, due = at, id = id .. run_ending(at) .. '-m' .. number, outcome = 'manual'}
local fire = new_fire(id, record, 'manual', policy_of(policy), {run})
fire.run, fire.number, fire.is_forced = run, number, force
if found ~= '' then fire.liveness = liveness_check(dated(found), us) end
if record[KIND] == 'schedule' then fire.outcome, fire.detail = decide(fire) end
commit({fire})
if fire.outcome == 'done' then
  local made = fire.started and #fire.started > 0
  audit('run_now', id, actor, made and 'job' or 'outcome', made and run.id or fire.skipped and 'skipped' or 'buffered')
end
counters.write()
return answers[1]
