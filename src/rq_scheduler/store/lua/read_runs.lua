-- Reads the last lines of the histories of schedules, each with what RQ knows of the job.
--
-- KEYS[1]  every schedule (zset, id -> 0)
-- ARGV     1 prefix, 2 limit of each, 3 '1' for the jobs of runs that have ended, too, then ids
-- returns  {now in us, {number, name, ...} of the workers and dispatchers that the lines tell of,
--          {kind or '', {line, job id or '', status or '', started_at or '', ended_at or ''}, ...}, ...} in the order given
-- keeps    a read never writes
local prefix, limit, of_ended = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
-- @include clock
-- @include rq_queueing
-- @include schedule
-- @include history
-- @include plan
local names = {}
local function name(number)
  if not number or number == '-' or names[number] or not tonumber(number) then return end
  local found = redis.pcall('ZRANGEBYSCORE', prefix .. ':scheduler:names', number, number, 'LIMIT', 0, 1)
  names[number] = true
  if found[1] then names[#names + 1], names[#names + 2] = number, found[1] end
end

local function history_of(id)
  local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'former_ids')
  if record.err then record = {} end
  local is_job = record[1] == 'job'

  -- The id that it had when a line was written: renaming changes no job id.
  local former = {}
  for former_id, until_us in string.gmatch(record[2] or '', '(%S+) (%d+)') do former[#former + 1] = {former_id, tonumber(until_us)} end
  local function id_at(us)
    for _, each in ipairs(former) do
      if us < each[2] then return each[1] end
    end
    return id
  end

  local function job_id_of(kind, short, jitter, lateness)
    local nominal = kind and long_time(short)
    if not nominal or not tonumber(nominal) then return '' end
    if is_job then return id end
    local at = nominal + (tonumber(jitter) or 0) + (tonumber(lateness) or 0)
    local first = string.byte(kind)
    return id_at(at) .. run_ending(nominal) .. (first == 109 and '-' .. kind or first == 98 and '-b' or '')
  end

  local rows = {record[1] or ''}
  local lines = limit == 0 and {} or redis.pcall('LRANGE', history_key(id), 0, limit - 1)
  for _, line in ipairs(lines.err and {} or lines) do
    local kind, short, jitter, lateness, dispatcher, worker =
      string.match(line, '^([emb]%d*) (%S+) (%S+) (%S+) ?(%S*) ?%S* ?%S* ?%S* ?%S* ?(%S*)')
    local job_id, job = job_id_of(kind, short, jitter, lateness), {}
    if job_id ~= '' then
      name(dispatcher)
      name(worker)
      if of_ended or worker == '' then
        job = redis.pcall('HMGET', prefix .. ':job:' .. job_id, 'status', 'started_at', 'ended_at')
        if job.err then job = {} end
      end
    end
    rows[#rows + 1] = {line, job_id, job[1] or '', job[2] or '', job[3] or ''}
  end
  return rows
end

local histories = {}
for i = 4, #ARGV do histories[i - 3] = history_of(ARGV[i]) end
local told = {}
for i, each in ipairs(names) do told[i] = each end
return {now_us, told, unpack(histories)}
