-- Looks at open runs whose look is due, and settles those that have ended: each end is counted, and told, once. Notes what was expected and
-- has not come, and gives out failed runs whose exception is to be read.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 most runs to look at
-- returns  {now in us, when the next look is due, or '', runs that were settled, {id, note, ...} of the schedules that were paused, {id, ...} of
--          those that are overdue now, {open run, exception as RQ keeps it, ...} to be read, how long those took that were settled
--          {kind, bucket, runs, ...}: see include/settling.lua}
-- keeps    each end of a run is told once; nothing of a deleted schedule is made anew
local prefix, most = ARGV[1], tonumber(ARGV[2])
local index = KEYS[1]
-- @include clock
-- @include rq_queueing
-- @include overlap
-- @include revision
-- @include schedule
-- @include runs_as
-- @include history
-- @include plan
-- @include open_runs
-- @include events
-- @include counters
local settling
-- @include tally
-- @include pausing
-- @include ends
-- @include settling
local TWO_DAYS, MOST_NOT_RUN, MOST_FORGOTTEN = 172800, 100000, 500
local LEASE, MOST_ERRORS, LARGEST, LARGEST_ALL = 10, 20, 1400000, 4000000
local unread, not_run = prefix .. ':scheduler:unread_errors', prefix .. ':scheduler:not_run'
check_revisions()
-- A key of a wrong type has to end the script before its first write.
for _, key in ipairs({index, open_runs.key, unread, expected, schedules, paused_schedules, buffered_schedules, to_plan, unplanned}) do
  redis.call('ZCARD', key)
end

local LONGEST = 0.004 -- seconds
local clock = rawget(_G, 'os') and os.clock or function() return 0 end
local began = clock()
local settled, paused, overdue, errors = 0, {}, {}, {}

local due = redis.call('ZRANGEBYSCORE', open_runs.key, '-inf', now_score, 'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #due, 2 do
  local run, record, total = settling.look(due[i], tonumber(due[i + 1]))
  if run then settled = settled + 1 end
  if record then
    local note = settling.pause_for_failures(index, run.schedule_id, record, total)
    if note then paused[#paused + 1], paused[#paused + 2] = run.schedule_id, note end
  end
  if i % 20 == 1 and clock() - began > LONGEST then break end
end
open_runs.write()

for _, id in ipairs(redis.call('ZRANGEBYSCORE', expected, '-inf', now_score, 'LIMIT', 0, 50)) do
  local due_at = score_in(expected, id)
  redis.call('ZREM', expected, id)
  local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'paused', 'expect')
  if not record.err and record[1] and record[2] ~= '1' and record[3] then
    local since = string.format('%.0f', due_at * 1000000)
    redis.call('HSET', schedule_key(id), 'overdue_since', since)
    redis.pcall('ZADD', schedules .. ':late', 0, id)
    tell('overdue', id, 'since', since)
    overdue[#overdue + 1] = id
  end
end

-- The exception of a failed run in RQ's result; a large one is cut.
local function exception_of(run)
  local results = redis.pcall('XREVRANGE', prefix .. ':results:' .. run.job_id, '+', '-', 'COUNT', 1)
  local fields = not results.err and results[1] and results[1][2] or {}
  for i = 1, #fields, 2 do
    if fields[i] == 'exc_string' then return string.sub(fields[i + 1], 1, LARGEST) end
  end
  return ''
end

local bytes = 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', unread, '-inf', now_score, 'LIMIT', 0, MOST_ERRORS)) do
  local run = ends.parse(member)
  if not run then
    redis.call('ZREM', unread, member)
  else
    local exception = exception_of(run)
    bytes = bytes + #exception
    if errors[1] and bytes > LARGEST_ALL then break end
    redis.call('ZADD', unread, string.format('%.6f', now + LEASE), member)
    errors[#errors + 1], errors[#errors + 2] = member, exception
  end
end

-- What did not run is known for two days, and so much of it; no script forgets more than a few at once.
local function forget_not_run()
  local known = redis.pcall('ZCARD', not_run)
  if type(known) ~= 'number' then return end
  local old = redis.call('ZCOUNT', not_run, '-inf', string.format('%.6f', now - TWO_DAYS))
  local outdated = math.min(math.max(old, known - MOST_NOT_RUN), MOST_FORGOTTEN)
  if outdated > 0 then redis.call('ZREM', not_run, unpack(redis.call('ZRANGE', not_run, 0, outdated - 1))) end
end
forget_not_run()

counters.write()

local function first_of(key) return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or '') or math.huge end
local next_look = math.min(first_of(open_runs.key), first_of(unread), first_of(expected))
return {now_us, next_look < math.huge and string.format('%.6f', next_look) or '', settled, paused, overdue, errors,
  settling.durations}
