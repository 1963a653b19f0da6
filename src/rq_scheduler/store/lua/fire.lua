-- Fires schedules that are due, by the plans in their records: a part of the head of the index, within a budget. Reads each, decides
-- (overlap, failures, max_runs, what is buffered), makes its run, pushes it and arms the next instant. What it cannot do by the plan it
-- leaves where it is, and notes for Python (take_to_plan). What is noted already it passes over: write_plans fires that.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 fence key or '', 3 fence token, 4 fence ttl in ms, 5 RQ's default timeout, 6 '1' when RQ itself has to enqueue every
--          run, 7 due and 8 id of the last one looked at in this pass, or '' and '', 9 most schedules to look at, 10 most runs,
--          11 most bytes of calls, which the runs are copies of, 12 '1' when each run is to be told, 13 name of
--          the dispatcher
-- returns  {'ok', now in us, next due or '', due and id of the last one looked at when there may be more, or '' and '', when Python may take
--          one that is due, or '', when one that is not, or '', '1' when something was armed that is due, runs by queue {queue,
--          number, ...}, of those, if asked for, {job id, due, queue, ...}, and of what did not go as planned an answer each {id,
--          outcome, queue, detail, {job id that was made, its due, ...}, {nominal that was skipped, ...}, {nominal that is
--          buffered, ...}, {job id to be stopped, ...}, '1' when RQ itself will enqueue what was made}; outcomes: done, paused and
--          broken (detail: why); how late they were {kind, bucket, runs, ...}: see include/lateness.lua}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each (schedule, nominal time) is handed off at most once; only what a valid plan says fires
local prefix, fence_key, fence_token, fence_ttl, default_timeout = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local all_via_rq, last_score, last_id, most_looks = ARGV[6] == '1', ARGV[7], ARGV[8], tonumber(ARGV[9])
local most_runs, most_bytes, tells = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12] == '1'
local index, dispatcher = KEYS[1], ARGV[13]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include overlap
-- @include events
-- @include counters
-- @include quarantine
-- @include revision
-- @include schedule
-- @include seek
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
-- @include plain_fires
-- @include waits
local PAGE, LARGE_PAGE = 25, 500
local start = last_score == '' and 0 or rank_behind(index, last_score, last_id)
local fires, left, strays, looks, runs, bytes = {}, {}, {}, 0, 0, 0

-- Takes a fire of so many runs, each a copy of so many bytes, into the batch; false when that is full.
local function takes(fire, number, size)
  if runs > 0 and (runs + number > most_runs or bytes + number * size > most_bytes) then return false end
  runs, bytes = runs + number, bytes + number * size
  fires[#fires + 1] = fire
  return true
end

local function leave(id) left[#left + 1], left[#left + 2] = now_score, id end

-- Of each of a page, the score with which it waits for Python, or false.
local function waits_of(page)
  local ids = {}
  for i = 1, #page, 2 do ids[#ids + 1] = page[i] end
  return call('ZMSCORE', unplanned, unpack(ids))
end

-- Looks at one that is due; false when the batch is full.
local function look_at(id, score)
  local plain_fire, size = plain.fire(id, score)
  if plain_fire then return takes(plain_fire, 1, size) end
  local record = read_record(id)
  if record[KIND] == 'job' or (record[KIND] == 'schedule' and record[PAUSED] == '1') then
    strays[#strays + 1] = id -- a foreign hand put it here
    return true
  end
  size = count(record[SIZE])
  local fire = record[KIND] == 'schedule' and due_fire(id, score, record, math.floor(most_bytes / math.max(size, 1)))
  if not fire then
    leave(id)
    return true
  end
  if not takes(fire, #fire.instants, size) then return false end
  fire.outcome, fire.detail = decide(fire)
  if fire.outcome == 'check' then
    fires[#fires] = nil
    leave(id)
  end
  return true
end

-- Page by page, since a batch that is full has read the rest of its page in vain. To pass over one that waits costs a twentieth of a look,
-- and there may be very many: they come in larger pages.
local some_wait = call('ZCARD', unplanned) > 0
local more, reached_score, reached_id, passed, length = true, '', '', 0, PAGE
while more and looks < most_looks and passed < 20 * most_looks and not has_looked_long() do
  local limit = math.min(length, most_looks - looks)
  local page = call('ZRANGEBYSCORE', index, '-inf', now_score, 'WITHSCORES', 'LIMIT', start + passed, limit)
  local waits, seen = some_wait and page[1] and waits_of(page) or NONE, 0
  length = LARGE_PAGE
  while page[seen + 1] do
    if not waits[seen / 2 + 1] then
      if not look_at(page[seen + 1], page[seen + 2]) then break end
      looks, length = looks + 1, PAGE
    else
      runs_looked_at = runs_looked_at + 1 -- that takes as long, and before Redis 7.4 nothing else ends a script in time
    end
    seen = seen + 2
  end
  passed, more = passed + seen / 2, seen < #page or seen == 2 * limit
  if seen > 0 then reached_score, reached_id = page[seen], page[seen - 1] end
  if seen < #page then break end
end
commit(fires)
for _, id in ipairs(strays) do call('ZREM', index, id) end
-- Who has taken one has it for two seconds: a later look does not change that.
for first = 1, #left, CHUNK do call('ZADD', unplanned, 'NX', unpack(left, first, math.min(first + CHUNK - 1, #left))) end
if left[1] or some_wait then limit_waits(unplanned, LEASE) end
local late = lateness.write()
counters.write()

local function first_of(key) return call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or '' end
return {'ok', now_us, call('ZRANGEBYSCORE', index, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or '',
  more and reached_score or '', more and reached_id or '', first_of(unplanned), first_of(to_plan), still_due[1] and '1' or '0',
  counts_told(), told, answers, late}
