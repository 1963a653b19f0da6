-- How a run has ended, by what RQ has left of it: docs/ends.md. Reads only. Needs: prefix, clock, overlap, schedule, runs_as.
local ends = {}
do
  local LETTERS = {finished = '.', failed = 'f', stopped = 's', canceled = 'c'}
  local RESULT_TTL, SHORTEST_TTL = 500, 60 -- RQ's own; that of a run whose own is less, until its end is told
  local A_YEAR, HALF_AN_HOUR, A_MINUTE = 31536000, 1800, 60 -- seconds
  local LONGEST_WAIT, LONGEST_WAIT_STARTED = 60, 15
  local US, match = 1000000, string.match
  local missing = prefix .. ':scheduler:missing_runs'

  local function days_before(year, month, day)
    local y = month <= 2 and year - 1 or year
    local era = math.floor(y / 400)
    local yoe = y - era * 400
    local doy = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
    return era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468
  end

  local function moment(pattern, text)
    local year, month, day, hour, minute, second, fraction = string.match(text or '', pattern)
    if not year then return nil end
    local seconds = days_before(tonumber(year), tonumber(month), tonumber(day)) * 86400 + hour * 3600 + minute * 60 + second
    return seconds * US + (fraction ~= '' and tonumber(string.sub(fraction .. '000000', 1, 6)) or 0)
  end

  -- RQ's timestamp in microseconds. Many share their second.
  local STAMP, seconds_of_stamps = '^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)%.?(%d*)Z$', {}
  function ends.moment_of(stamp)
    local fraction = stamp and match(stamp, '^%.(%d%d%d%d%d%d)Z$', 20)
    if not fraction then return moment(STAMP, stamp) end
    local second = string.sub(stamp, 1, 19)
    local us = seconds_of_stamps[second]
    if us == nil then
      us = moment(STAMP, second .. 'Z') or false
      seconds_of_stamps[second] = us
    end
    return us and us + tonumber(fraction) or nil
  end

  -- The nominal time (us) that the end of a run's job id names.
  function ends.nominal_of(ending) return moment('^%-(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)(%d*)Z', ending) end

  -- An open run: 'schedule id, moment of the hand-off (us), end of the job id', and of one whose end may change that end and its moment.
  function ends.parse(member)
    local id, at, ending = match(member, '^(%S+) (%d+) (%S*)$')
    local told, told_at
    if not id then id, at, ending, told, told_at = match(member, '^(%S+) (%d+) (%S*) (%S) (%d*)$') end
    if not id then return nil end
    -- The last ones are for those who look: a table that grows later takes longer than all of this.
    return {member = member, id = id, at = tonumber(at), at_text = at, ending = ending, job_id = id .. ending, told = told,
      told_at = told_at and tonumber(told_at), schedule_id = id, status = false, record = false, is_new = false}
  end

  -- The record of its schedule, under the id that this has now; none where another schedule was put under it since. A recurring job of
  -- the 0.14 API has no `runs_as`. Only what every end asks for: each field costs a hundredth of an end.
  function ends.read_record(run)
    run.schedule_id = run.id
    for _ = 1, 3 do
      local values = redis.pcall('HMGET', schedule_key(run.schedule_id), 'kind', 'created', 'runs_as', 'policy', 'ends', 'expect')
      if values.err then return nil end
      if values[1] then
        if values[1] == 'schedule' and run.at < (tonumber(values[2] or '') or 0) then return nil end
        return {job = values[3] and read_runs_as(values[3]) or {}, policy = values[4], ends = values[5], expect = values[6]}
      end
      local renamed = redis.pcall('HGET', tombstone_key(run.schedule_id), 'renamed_to')
      if type(renamed) ~= 'string' then return nil end
      run.schedule_id = renamed
    end
  end

  -- Another field of that record; nil where it has none.
  function ends.field_of(run, name)
    local value = redis.pcall('HGET', schedule_key(run.schedule_id), name)
    return type(value) == 'string' and value or nil
  end

  -- When RQ is done with the job that has left: its registries keep the id, with the moment of the end and the TTL as the score.
  local function from_registries(run, queue, ttl, failure_ttl)
    local score = score_in(prefix .. ':finished:' .. queue, run.job_id)
    if score and score ~= math.huge and score > 0 then return '.', (score - ttl) * US end
    score = score_in(prefix .. ':failed:' .. queue, run.job_id)
    if score and score ~= math.huge and score > 0 then return 'f', (score - failure_ttl) * US end
  end

  -- Whether that is the verdict of RQ that was told already: its registries know the second, and the stopped are among the failed.
  local BY_RQ, A_MOMENT = {f = true, s = true, c = true}, 2 * US
  local function is_told(run, at) return BY_RQ[run.told or ''] and at <= run.told_at + A_MOMENT end

  -- Of a run whose job is gone. `late`: seconds for which nobody has looked, though it was time.
  local function end_of_gone(run, record, late)
    local template = redis.pcall('HMGET', template_key(run.schedule_id), 'result_ttl', 'failure_ttl')
    if template.err then template = {} end
    local ttl, failure_ttl = tonumber(template[1] or '') or RESULT_TTL, tonumber(template[2] or '') or A_YEAR
    if ttl >= 0 then ttl = math.max(ttl, SHORTEST_TTL) end
    local queue = record and (record.job.queue or ends.field_of(run, 'queue')) or ''
    local letter, at = from_registries(run, queue, ttl, failure_ttl)
    if letter and not is_told(run, at) then return letter, math.max(run.at, math.min(at, now * US)) end
    if run.told then return run.told end
    if not record then return 'u', now * US end -- its books are gone, and with them for how long RQ keeps it
    if ttl >= 0 and late >= ttl / 2 then return 'u', now * US end
    local waits = record and record.job.ttl
    if waits and waits > 0 and now * US >= run.at + waits * US then return 'e', run.at + waits * US end
    return 'd', now * US
  end

  -- No run that is settled, or found, is missing. Nearly always none is.
  local any_missing
  function ends.forget_missing(run)
    if any_missing == nil then any_missing = redis.call('EXISTS', missing) == 1 end
    if any_missing then redis.pcall('ZREM', missing, run.member) end
  end

  -- Whether a run is found nowhere for a minute, though it waits by its status.
  local function is_missing(run, is_somewhere)
    if is_somewhere then
      ends.forget_missing(run)
      return false
    end
    local since = score_in(missing, run.member)
    if not since then
      redis.pcall('ZADD', missing, now_score, run.member)
      any_missing = true
      return false, A_MINUTE
    end
    return now - since >= A_MINUTE, A_MINUTE
  end

  -- What stands at the head of a queue: {key, length, id, since when it waits}; length is nil where the key is no list.
  local heads = {}
  local function head_of(queue)
    local head = heads[queue]
    if head then return head end
    head = {key = prefix .. ':queue:' .. queue}
    local length = redis.pcall('LLEN', head.key)
    if type(length) == 'number' then
      head.length, head.id = length, length > 0 and redis.call('LINDEX', head.key, 0)
      local since = head.id and redis.pcall('HGET', prefix .. ':job:' .. head.id, 'enqueued_at')
      head.since = type(since) == 'string' and since or nil
      head.since_us = ends.moment_of(head.since)
    end
    heads[queue] = head
    return head
  end

  local searchable = 100000 -- items of queues that one script may look through
  -- Looked for only where the head of the queue came later than it did: nearly all that wait are behind that. One that was told to be in no
  -- list has to be found in one.
  local function is_in_queue(run, queue, enqueued_at)
    local head, is_supposed = head_of(queue), run.told ~= 'd'
    if not head.length then return is_supposed end
    if head.id == run.job_id then return true end
    if is_supposed and head.id and (not head.since or head.since <= (enqueued_at or '')) then return true end
    if head.length > searchable then return is_supposed end
    searchable = searchable - head.length
    return (head.id and type(redis.call('LPOS', head.key, run.job_id)) == 'number')
      or type(redis.pcall('LPOS', head.key .. ':intermediate', run.job_id)) == 'number' or has_live_execution(run.job_id, queue)
  end

  -- The last sign of life (unix seconds) of a run that has started.
  local function last_sign(run)
    local newest = redis.pcall('ZRANGE', prefix .. ':executions:' .. run.job_id, -1, -1, 'WITHSCORES')
    local expiry = not newest.err and tonumber(newest[2] or '') or 0
    local beat = redis.pcall('HGET', prefix .. ':job:' .. run.job_id, 'last_heartbeat')
    beat = type(beat) == 'string' and ends.moment_of(beat)
    return math.max(expiry, beat and beat / US or 0, run.at / US)
  end

  -- How long a run that waits may be left alone, in seconds: its turn comes when the head of the queue is as young as it is. Half of that,
  -- since a queue may be worked off faster from now on; and a quarter of the time that it has waited, where many came at the same moment.
  local function until_its_turn(run, queue)
    local since = head_of(queue).since_us
    return math.max((now - run.at / US) / 4, since and (run.at - since) / US / 2 or 0)
  end

  -- Of one that RQ has not done with: {letter, moment}, or nothing and, at most, so many seconds until the next look, and at least.
  local function end_of_live(run, status, job)
    local queue = job[2] or ''
    if status == 'started' then
      local silent = not has_live_execution(run.job_id, queue) and now - last_sign(run) or 0
      if silent > HALF_AN_HOUR then return 'l', math.floor((now - silent) * US + 0.5) end
      return nil, nil, LONGEST_WAIT_STARTED
    end
    local is_somewhere = true
    if status == 'queued' then
      is_somewhere = is_in_queue(run, queue, job[3])
    elseif status == 'scheduled' then
      is_somewhere = is_going(run.job_id, status, queue, '')
    end
    if run.told == 'd' and not is_somewhere then return 'd' end
    local is_gone, wait = is_missing(run, is_somewhere)
    if is_gone then return 'd', now * US end
    return nil, nil, wait or LONGEST_WAIT, status == 'queued' and is_somewhere and until_its_turn(run, queue)
  end

  -- How it has ended: {letter, at (us), started (us or nil), worker, retries_left, status}, or nil and the seconds until the next look.
  -- `score`: when this look was due (a number, or its text).
  function ends.look(run, score)
    local key = prefix .. ':job:' .. run.job_id
    local job = redis.pcall('HMGET', key, 'status', 'origin', 'enqueued_at', 'result_ttl')
    if job.err then job = {} end
    local status = job[1]
    run.status = status
    local letter, at, longest, shortest = LETTERS[status or ''], nil, nil, nil
    if status and not letter then
      letter, at, longest, shortest = end_of_live(run, status, job)
    elseif not status then
      run.record = ends.read_record(run)
      letter, at = end_of_gone(run, run.record, math.max(0, now - tonumber(score)))
    end
    if not letter then
      local ttl = tonumber(job[4] or '')
      shortest = shortest or (now - run.at / US) / 8
      return nil, math.min(longest, math.max(1, shortest), ttl and ttl >= 0 and math.max(1, ttl / 2) or LONGEST_WAIT)
    end
    local told = status and redis.call('HMGET', key, 'started_at', 'ended_at', 'worker_name', 'retries_left') or {}
    local started = ends.moment_of(told[1])
    -- Neither a stopped job nor one that RQ gave up has a time of its own, and that of a retry is the one before.
    if LETTERS[status or ''] and (letter == '.' or letter == 'f') then
      at = ends.moment_of(told[2])
      at = at and at >= (started or run.at) and at or nil
    end
    return {letter = letter, at = at, started = started, worker = told[3] or nil, retries_left = told[4] and tonumber(told[4]), status = status}
  end
end
