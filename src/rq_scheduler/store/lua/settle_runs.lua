-- Looks at open runs whose look is due, and settles those that have ended: each end is counted, and told, once. Notes what was expected and
-- has not come, and gives out failed runs whose exception is to be read.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 most runs to look at
-- returns  {now in us, when the next look is due, or '', runs that were settled, {id, note, ...} of the schedules that were paused, {id, ...} of
--          those that are overdue now, {open run, exception as RQ keeps it, ...} to be read, how long those took that were settled
--          {kind, bucket, runs, ...}: see include/settling.lua}
-- keeps    each end of a run is told once; nothing of a deleted schedule is made anew; a run that cannot be looked at holds up no other
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
-- @include run_lines
-- @include settling
local A_MINUTE, TWO_DAYS, MOST_NOT_RUN, MOST_FORGOTTEN = 60, 172800, 100000, 500
local LEASE, MOST_ERRORS, LARGEST, LARGEST_ALL = 10, 20, 1400000, 4000000
local unread, not_run = prefix .. ':scheduler:unread_errors', prefix .. ':scheduler:not_run'
check_revisions()
-- A key of a wrong type has to end the script before its first write.
for _, key in ipairs({index, open_runs.key, open_runs.new_key, unread, expected, schedules, paused_schedules, buffered_schedules, to_plan, unplanned}) do
  redis.call('ZCARD', key)
end

local LONGEST = 0.004 -- seconds
local clock = rawget(_G, 'os') and os.clock or function() return 0 end
local began = clock()
local settled, paused, overdue, errors = 0, {}, {}, {}

local looks, refusal = 0, nil
local function look_at(member, score, is_new)
  local run, record, total = settling.look(member, score, is_new)
  if run then settled = settled + 1 end
  if record then
    local note = settling.pause_for_failures(index, run.schedule_id, record, total)
    if note then paused[#paused + 1], paused[#paused + 2] = run.schedule_id, note end
  end
end

-- One that cannot be looked at is left alone for a minute: the others do not wait for it. The script ends with why.
local function look(member, score, is_new)
  local ok, why = pcall(look_at, member, score, is_new)
  if not ok then
    refusal = refusal or why
    open_runs.look_later(member, A_MINUTE)
  end
  looks = looks + 1
end
local function has_looked_enough() return looks >= most or (looks % 10 == 0 and clock() - began > LONGEST) end

-- Runs of one script are one entry until now. Those for which there is no time any more are looked at by the next call.
local function look_at_new(batch, score)
  redis.call('ZREM', open_runs.new_key, batch)
  local at, runs = string.match(batch, '^(%d+) (.+)$')
  local is_enough = false
  for id, ending in string.gmatch(runs or '', '(%S+) (%S+)') do
    local member = open_runs.member(id, at, id .. ending)
    is_enough = is_enough or has_looked_enough()
    if is_enough then open_runs.look_later(member, 0) else look(member, score, true) end
  end
  return is_enough
end

local is_enough = false
while not is_enough do
  local first = redis.call('ZRANGEBYSCORE', open_runs.new_key, '-inf', now_score, 'WITHSCORES', 'LIMIT', 0, 1)
  if not first[1] then break end
  is_enough = look_at_new(first[1], first[2])
end
local due = is_enough and {} or redis.call('ZRANGEBYSCORE', open_runs.key, '-inf', now_score, 'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #due, 2 do
  if has_looked_enough() then break end
  look(due[i], due[i + 1])
end
open_runs.write()
settling.write()

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
if refusal then error(refusal, 0) end

local function first_of(key) return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or '') or math.huge end
local next_look = math.min(first_of(open_runs.key), first_of(open_runs.new_key), first_of(unread), first_of(expected))
return {now_us, next_look < math.huge and string.format('%.6f', next_look) or '', settled, paused, overdue, errors,
  settling.durations}
