-- Settles runs that have ended, each end once: counts it, writes it into the line of its history, and what follows from it. Needs: clock,
-- schedule, history, open_runs, events, counters, tally, pausing, ends, run_lines, prefix. Fills the variable `settling`.
settling = {pause = pause_schedule}
do
  local WORDS = {['.'] = 'finished', f = 'failed', s = 'stopped', c = 'canceled', e = 'expired', d = 'deleted', l = 'lost', u = 'unknown'}
  local MILESTONES = {[10] = true, [100] = true, [1000] = true}
  local A_DAY, A_MINUTE, US = 86400, 60, 1000000
  local find, sub = string.find, string.sub
  local failing, late, running = schedules .. ':failing', schedules .. ':late', schedules .. ':running'
  local going = {} -- of schedules: whether a run of theirs goes on, as it was seen last

  -- A success meets what was expected of its instant, and of earlier ones.
  local function meet(run, record, index)
    local id, expect = run.schedule_id, tonumber(record.expect or '')
    if not expect then return end
    local nominal = ends.nominal_of(run.ending)
    local overdue, due = tonumber(ends.field_of(run, 'overdue_since') or ''), score_in(expected, id)
    local deadline = overdue or (due and due * US)
    if not (nominal and deadline) or nominal < deadline - expect - 1 then return end
    if overdue then
      redis.pcall('HDEL', schedule_key(id), 'overdue_since')
      redis.pcall('ZREM', late, id)
      tell('met', id, 'job_id', run.job_id)
    end
    local next_nominal = ends.field_of(run, 'paused') ~= '1' and run_lines.following(run, ends.field_of(run, 'armed'), index, nominal)
    if next_nominal then
      redis.pcall('ZADD', expected, string.format('%.6f', (next_nominal + expect) / US), id)
    else
      redis.pcall('ZREM', expected, id)
    end
  end

  local function count_success(run, record, finding, total, index)
    local id, before = run.schedule_id, total.row
    tally.succeed(total, finding.at, finding.started and finding.at - finding.started, function(us) return run_lines.failures_after(id, us) end)
    if before > 0 and total.row == 0 then
      redis.pcall('ZREM', failing, id)
      tell('recovered', id, 'job_id', run.job_id, 'failures', before)
    end
    meet(run, record, index)
  end

  local function count_failure(run, finding, total)
    local id, before = run.schedule_id, total.row
    tally.fail(total, finding.at)
    if total.row == before then return end
    redis.pcall('ZADD', failing, 0, id)
    if total.row == 1 then
      tell('failing_began', id, 'job_id', run.job_id)
    elseif MILESTONES[total.row] then
      tell('failing', id, 'job_id', run.job_id, 'failures', total.row)
    end
  end

  -- What a run leaves whose own result_ttl was raised so that its end is seen.
  local function let_go(run, record, finding)
    local short = record.job.short
    if not short or finding.status ~= 'finished' then return end
    local left = math.ceil(short - (now - finding.at / US))
    for _, key in ipairs({prefix .. ':job:' .. run.job_id, prefix .. ':results:' .. run.job_id}) do
      if left > 0 then redis.pcall('EXPIRE', key, left) else redis.pcall('DEL', key) end
    end
    if left <= 0 then redis.pcall('ZREM', prefix .. ':finished:' .. (record.job.queue or ''), run.job_id) end
  end

  local NEVER_RAN = {e = true, d = true}

  -- Lists what did not run: the letter that stands for it among the outcomes (k skipped, m missed), and which instants: the first (us), and
  -- where they are over the last and how many. `is_new`: not the same stretch as before.
  function settling.note_not_run(id, letter, instants, is_new)
    redis.pcall('ZADD', prefix .. ':scheduler:not_run', now_score, id .. ' ' .. letter .. ' ' .. instants)
    if not is_new then return end
    local total = tally.read(redis.pcall('HGET', schedule_key(id), 'ends') or nil)
    tally.add_outcome(total, letter)
    redis.pcall('HSET', schedule_key(id), 'ends', tally.text(total))
  end

  -- How long runs took, for the dispatcher's own metrics: {kind, bucket, runs, ...}; kinds are those of hand-offs, bucket b is under 2^b
  -- milliseconds and no less than half of that.
  settling.durations = {}
  local places = {} -- of each kind and bucket in that list
  local function note_duration(run, started, ended)
    if not (started and ended) then return end
    local _, last = find(run.ending, 'Z-', 1, true)
    local suffix = last and sub(run.ending, last + 1, last + 1)
    local kind = run.ending == '' and 'recurring' or suffix == 'm' and 'manual' or suffix == 'b' and 'backfill' or 'scheduled'
    local _, exponent = math.frexp(math.max(ended - started, 0) / 1000)
    local list, bucket = settling.durations, math.max(exponent, 0)
    local both = kind .. bucket
    local place = places[both]
    if not place then
      place = #list + 1
      places[both], list[place], list[place + 1], list[place + 2] = place, kind, bucket, 0
    end
    list[place + 2] = list[place + 2] + 1
  end

  -- Counted last: one that cannot be settled is looked at again.
  local function count_end(run, finding, ended)
    counters.add('ended:' .. WORDS[finding.letter], 1)
    note_duration(run, finding.started, ended)
  end

  -- Settles a run as it was found, if nobody else has; returns its record and what its schedule's runs have come to, or nil.
  function settling.settle(run, finding)
    if not run.is_new and redis.call('ZREM', open_runs.key, run.member) == 0 then return nil end
    ends.forget_missing(run)
    local record = run.record or ends.read_record(run)
    local ended = finding.at
    if not record then -- the schedule was deleted
      count_end(run, finding, ended)
      return nil
    end
    finding.at = ended or now * US
    local id, total = run.schedule_id, tally.read(record.ends)
    local index, line = run_lines.place_of(run)
    if index then run_lines.complete(run, finding, index, line) end
    going[id] = false
    if finding.letter == '.' then
      count_success(run, record, finding, total, index)
    elseif finding.letter == 'f' or finding.letter == 'l' then
      count_failure(run, finding, total)
      if finding.letter == 'f' then redis.pcall('ZADD', prefix .. ':scheduler:unread_errors', now_score, open_runs.member(run.id, run.at_text, run.job_id)) end
    elseif NEVER_RAN[finding.letter] then
      redis.pcall('ZADD', prefix .. ':scheduler:not_run', now_score, id .. ' ' .. finding.letter .. ' ' .. run.at_text)
    end
    tally.add_outcome(total, finding.letter)
    redis.pcall('HSET', schedule_key(id), 'ends', tally.text(total))
    -- RQ may take it back: a requeue, a work-horse that outlived its worker.
    if finding.letter ~= '.' and ends.field_of(run, 'last_run_at') == run.at_text then
      local member = table.concat({open_runs.member(run.id, run.at_text, run.job_id), finding.letter, string.format('%.0f', finding.at)}, ' ')
      redis.pcall('ZADD', open_runs.key, string.format('%.6f', now + A_MINUTE), member)
    end
    let_go(run, record, finding)
    count_end(run, finding, ended)
    return record, total
  end

  -- Looks at a run whose end was told before. The newest of a schedule only, and for a day.
  local function look_again(run, score)
    local record = ends.read_record(run)
    run.record = record
    if not record or ends.field_of(run, 'last_run_at') ~= run.at_text or now - run.told_at / US > A_DAY then
      redis.pcall('ZREM', open_runs.key, run.member)
      return nil
    end
    local finding = ends.look(run, score)
    if not finding then -- it is tried again
      ends.forget_missing(run)
      redis.pcall('ZREM', open_runs.key, run.member)
      redis.pcall('ZADD', open_runs.key, string.format('%.6f', now + 1), open_runs.member(run.id, run.at_text, run.job_id))
      return nil
    end
    if finding.letter == run.told and (not finding.at or finding.at == run.told_at) then
      redis.pcall('ZADD', open_runs.key, string.format('%.6f', now + A_MINUTE), run.member)
      return nil
    end
    return finding
  end

  -- Looks at a run, and settles it where it has ended. Returns the run, and what settle does; nil where it has not ended. `is_new`: it is
  -- looked at for the first time, and stands in `open_runs` only from then on, if it has not ended.
  function settling.look(member, score, is_new)
    local run = ends.parse(member)
    if not run then
      redis.pcall('ZREM', open_runs.key, member)
      return nil
    end
    run.is_new = is_new
    if run.told then
      local finding = look_again(run, score)
      if finding then return run, settling.settle(run, finding) end
      return nil
    end
    local finding, wait = ends.look(run, score)
    if finding then return run, settling.settle(run, finding) end
    open_runs.look_later(member, wait)
    if run.status == 'started' then going[run.id] = true end
    return nil
  end

  -- Writes which schedules have a run that goes on, in two commands at most.
  function settling.write()
    local begun, ended = {}, {}
    for id, is_going in pairs(going) do
      local list = is_going and begun or ended
      list[#list + 1] = id
    end
    going = {}
    if ended[1] then redis.pcall('ZREM', running, unpack(ended)) end
    local known, entries = begun[1] and redis.pcall('ZMSCORE', schedules, unpack(begun)) or {}, {}
    for i, id in ipairs(begun) do
      if known[i] then entries[#entries + 1], entries[#entries + 2] = 0, id end
    end
    if entries[1] then redis.pcall('ZADD', running, unpack(entries)) end
  end

  -- Settles the newest run of a schedule, if that has ended and nobody has seen it yet. `job_id`: the one that all its runs have, if so.
  function settling.settle_newest(id, job_id)
    local last = redis.pcall('HMGET', schedule_key(id), 'last_run_at', 'last_run_id')
    job_id = job_id or last[2]
    if last.err or not (last[1] and job_id) then return end
    local run = ends.parse(open_runs.member(id, last[1], job_id))
    if not (run and score_in(open_runs.key, run.member)) then return end
    local finding = ends.look(run, now)
    if not finding then return end
    settling.settle(run, finding)
    settling.write()
  end

  -- How many runs of a schedule have failed in a row.
  function settling.failures_of(id) return tally.read(redis.call('HGET', schedule_key(id), 'ends')).row end

  -- Skips that follow each other are one stretch, which begins: the first since a run was made, held up by that run.
  function settling.note_skips(id, nominal, is_new, held_up_by)
    local newest = redis.pcall('LINDEX', history_key(id), 0)
    local first = type(newest) == 'string' and string.match(newest, '^k (%S+)')
    settling.note_not_run(id, 'k', first and long_time(first) or nominal, is_new)
    if is_new then tell('skipping_began', id, 'held_up_by', held_up_by, 'nominal', nominal) end
  end

  function settling.paused_note(failures) return string.format('paused after %d failed runs in a row', failures) end

  -- Pauses a schedule whose runs have failed so often in a row as its policy says (the record and the tally, as settle returns them).
  -- Returns the note, or nil. check_revisions() comes before the first write.
  function settling.pause_for_failures(index, id, record, total)
    local most = tonumber(string.match(record.policy or '', '(%d+)$') or '')
    if not most or total.row < most or redis.call('HGET', schedule_key(id), 'paused') == '1' then return nil end
    local note = settling.paused_note(total.row)
    pause_schedule(index, id, note)
    tell('paused_for_failures', id, 'note', note)
    return note
  end
end
