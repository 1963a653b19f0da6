-- Hands off a batch of backfilled runs of one schedule and notes the stretch of time that they cover, as one step.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 RQ's default timeout, 4 stretches covered as read, 5 stretches covered afterwards ("from-to ..." in
--          us), 6 who asks for it, then nominal (us) and job id of each run
-- returns  {'ok', queue, job id, ...}; with nothing written {'changed'}, {'unknown'}, or {'broken', why}
-- keeps    an instant is backfilled once, also if asked twice
local prefix, id, default_timeout, before, after, actor = unpack(ARGV, 1, 6)
-- @include clock
-- @include rq_queueing
-- @include overlap
-- @include schedule
-- @include runs_as
-- @include via_rq
-- @include runs
-- @include history
-- @include open_runs
-- @include counters
-- @include audit
local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'backfilled', 'runs_as', 'keep_runs')
if record.err or record[1] ~= 'schedule' then return {'unknown'} end
if (record[2] or '') ~= before then return {'changed'} end
local job = read_runs_as(record[3] or '')
local reason = fault_of(id, job)
if reason then return {'broken', reason} end

local reply, lines = {'ok', job.queue}, {}
make_and_push(function()
  for i = 7, #ARGV, 2 do
    local nominal, job_id = ARGV[i], ARGV[i + 1]
    if make_run(id, job, job_id, job.slow, default_timeout) then
      reply[#reply + 1] = job_id
      lines[#lines + 1] = history_line('backfill', nominal, nominal, job_id)
      open_runs.add(id, job_id)
    end
  end
end)
redis.call('HSET', schedule_key(id), 'backfilled', after)
if not job.slow then counters.hand_off('backfill', job.queue, #lines) end
open_runs.write()
add_history(id, lines, record[4])
if #lines > 0 then audit('backfilled', id, actor, 'runs', #lines, 'first', ARGV[7], 'last', ARGV[#ARGV - 1]) end
counters.write()
return reply
