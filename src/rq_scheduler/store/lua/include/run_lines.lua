-- The line that a run has in the history of its schedule: finds it, completes it with the end of the run, and says what other lines do
-- about it. Needs: schedule, history, open_runs, plan (run_ending), prefix.
local run_lines = {}
do
  local find, match, format, sub = string.find, string.match, string.format, string.sub

  -- When a line was written (us), as far as that says its place; its kind, and the nominal time of a run (us, as text).
  local function read_line(line)
    local kind, second, third, fourth, fifth = match(line, '^(%S+) (%S+) (%S+) (%S+) (%S+)')
    if not kind then return math.huge, '-' end
    if kind == 'k' or kind == 'x' then return tonumber(fifth) or math.huge, kind end
    local nominal = long_time(second)
    return (tonumber(nominal) or math.huge) + (tonumber(third) or 0) + (tonumber(fourth) or 0), kind, nominal
  end

  -- Whether a line of that kind, written when this run was handed off, is its own.
  local function names(kind, nominal, run)
    local first = string.byte(kind)
    if run.ending == '' then return first == 101 end
    if first ~= 101 and first ~= 109 and first ~= 98 then return false end
    local suffix = first == 109 and '-' .. kind or first == 98 and '-b' or ''
    return run_ending(nominal) .. suffix == run.ending
  end

  -- The place of a run's line, and the line. The newest are looked at first, and what lies between is halved: lines stand in the order in
  -- which they were written.
  function run_lines.place_of(run)
    local key, at, kind, nominal = history_key(run.schedule_id), nil, nil, nil
    local function line_at(index)
      local line = redis.pcall('LINDEX', key, index)
      if type(line) ~= 'string' then return nil end
      at, kind, nominal = read_line(line)
      return line
    end
    local newer, index = -1, 0
    local line = line_at(0)
    while line and at > run.at do
      newer, index = index, index * 2 + 1
      line = line_at(index)
    end
    if not line then
      local length = redis.pcall('LLEN', key)
      index = type(length) == 'number' and length or 0
    end
    while index - newer > 1 do
      local middle = math.floor((newer + index) / 2)
      local between = line_at(middle)
      if between and at > run.at then newer = middle else index, line = middle, between end
    end
    if line and newer >= 0 then at, kind, nominal = read_line(line) end -- the last one that was read may be another
    while line and at == run.at do
      if names(kind, nominal, run) then return index, line end
      index = index + 1
      line = line_at(index)
    end
  end

  -- How many failures among the kept lines came after that moment (us).
  function run_lines.failures_after(id, moment)
    local number = 0
    local lines = redis.pcall('LRANGE', history_key(id), 0, 99)
    for _, line in ipairs(lines.err and {} or lines) do
      local nominal, jitter, lateness, letter, started, took = string.match(line, '^%S+ (%S+) (%S+) (%S+) %S+ ([fl]) (%S+) (%S+)')
      local handed_off = letter and tonumber(long_time(nominal))
      if handed_off and handed_off + jitter + lateness + (tonumber(started) or 0) + (tonumber(took) or 0) > moment then number = number + 1 end
    end
    return number
  end

  -- Which attempt it was: retries are counted down on the job.
  local function attempts(run, finding)
    if not finding.retries_left then return '1' end
    local most = redis.pcall('HGET', template_key(run.schedule_id), 'retries_left')
    return string.format('%d', math.max(1, (type(most) == 'string' and tonumber(most) or finding.retries_left) - finding.retries_left + 1))
  end

  local function worker_of(run, finding)
    if finding.worker and finding.worker ~= '' then return finding.worker end
    local results = redis.pcall('XREVRANGE', prefix .. ':results:' .. run.job_id, '+', '-', 'COUNT', 1)
    local fields = not results.err and results[1] and results[1][2] or {}
    for i = 1, #fields, 2 do
      if fields[i] == 'worker_name' then return fields[i + 1] end
    end
  end

  -- Completes a line with the end of its run.
  function run_lines.complete(run, finding, index, line)
    local _, last = find(line, '^%S+ %S+ %S+ %S+ %S+')
    local letter, started, took, earlier
    if last < #line then letter, started, took, earlier = match(line, '^ (%S) (%S+) (%S+) %S+ %S+ ?(%S*)', last + 1) end
    if letter then -- an end that RQ has taken back
      local at = format('%.0f', run.at + (tonumber(started) or 0) + (tonumber(took) or 0))
      earlier = ((earlier == '' or earlier == '-') and '' or earlier .. ',') .. letter .. at
    end
    local from = finding.started or run.at
    local lengths = (finding.started and format('%d ', from - run.at) or '- ') .. format('%d ', math.floor(finding.at - from + 0.5))
    redis.pcall('LSET', history_key(run.schedule_id), index, sub(line, 1, last) .. ' ' .. finding.letter .. ' ' .. lengths
      .. attempts(run, finding) .. ' ' .. open_runs.number_of(worker_of(run, finding)) .. (earlier and ' ' .. earlier or ''))
  end

  -- The first instant after the one that has succeeded: that of a line that came later, or the armed one.
  function run_lines.following(run, armed, index, nominal)
    for place = (index or 0) - 1, math.max(0, (index or 0) - 5), -1 do
      local line = redis.pcall('LINDEX', history_key(run.schedule_id), place)
      local other = type(line) == 'string' and string.match(line, '^[ekx] (%S+)')
      other = other and tonumber(long_time(other))
      if other and other > nominal then return other end
    end
    return tonumber(string.match(armed or '', '^(%-?%d+):') or '')
  end
end
