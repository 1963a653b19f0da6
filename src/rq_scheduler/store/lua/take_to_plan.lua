-- Hands out schedules that Python has to plan, those that are due first, with all that planning needs. Nobody else is given them for two
-- seconds: then they come again, unless the plan was written.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds); recurring jobs of the 0.14 API are in the index of jobs
-- ARGV     1 prefix, 2 most
-- returns  {now in us, '1' when there may be more, else '0', {{id, due, rev, spec, armed, updated, bytes of the call, made_with, nothing or what a
--          recurring job has besides: {meta and created_at of the record, meta and created_at of the job, runs left}}, ...}}, with '' for
--          what there is none of
-- keeps    two dispatchers plan different ones; those of one that dies come back
local prefix, most = ARGV[1], tonumber(ARGV[2])
local index = KEYS[1]
-- @include clock
-- @include schedule
-- @include waits
local scheduled_jobs = prefix .. ':scheduler:scheduled_jobs'

local rows, more, until_then = {}, false, string.format('%.6f', now + LEASE)
local function read(key, ...)
  local values = redis.pcall('HMGET', key, ...)
  for i = 1, select('#', ...) do values[i] = values[i] or '' end
  values.err = nil
  return values
end

-- What planning needs, and when it is due; nil when it is not armed, or paused, false when nobody can say.
local function row_of(id)
  local key = schedule_key(id)
  local record = read(key, 'kind', 'rev', 'spec', 'armed', 'updated', 'size', 'made_with', 'paused')
  local is_job = record[1] == 'job'
  if record[8] == '1' and not is_job then return nil end
  local due = redis.pcall('ZSCORE', is_job and scheduled_jobs or index, id)
  if type(due) == 'table' then return false end
  if not due then return nil end
  local row = {id, due, unpack(record, 2, 7)}
  row[9] = {}
  if is_job then
    local kept, job = read(key, 'meta', 'created_at', 'repeat'), read(prefix .. ':job:' .. id, 'meta', 'created_at')
    row[7] = redis.call('EXISTS', prefix .. ':job:' .. id) == 1 and '' or tostring(redis.call('HSTRLEN', key, 'template'))
    row[9] = {kept[1], kept[2], job[1], job[2], kept[3]}
  end
  return row
end

local function take_from(list, other)
  local leases, wanted = {}, most - #rows
  local ids = redis.call('ZRANGEBYSCORE', list, '-inf', now_score, 'LIMIT', 0, wanted)
  more = more or #ids == wanted
  for _, id in ipairs(ids) do
    local row = row_of(id)
    if row == nil then
      redis.call('ZREM', list, id) -- paused, deleted, finished
    else
      leases[#leases + 1], leases[#leases + 2] = until_then, id
      rows[#rows + 1] = row or nil
    end
  end
  for first = 1, #leases, 1000 do
    local last = math.min(first + 999, #leases)
    redis.call('ZADD', list, unpack(leases, first, last))
    redis.call('ZADD', other, 'XX', unpack(leases, first, last))
  end
end
take_from(unplanned, to_plan)
take_from(to_plan, unplanned)
return {now_us, more and '1' or '0', rows}
