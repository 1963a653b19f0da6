-- Reads what people are shown of schedules, the recurring jobs of the 0.14 API among them.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 '1' to read their job templates too, then ids
-- returns  {now in us, {field, ...} that a record may have, {due or '', status of the last run or '', {value or nil, ...} of those
--          fields, {field, value, ...} of the job template: of a recurring job its description at least}, ...} in the order
--          given, no values for an unknown one; fewer than asked for where they are large
-- keeps    a read never writes
local prefix, templates = ARGV[1], ARGV[2] == '1'
-- @include clock
-- @include schedule
local LARGEST = 1024 * 1024 -- bytes: so much takes Redis a millisecond or two
local FIELDS = {'kind', 'spec', 'rev', 'version', 'created', 'updated', 'func', 'call', 'queue', 'owner', 'tags', 'note', 'paused',
  'armed', 'mark', 'runs', 'skipped', 'missed', 'last_run_at', 'last_run_id', 'manual', 'backfilled', 'repeat',
  'slow', 'buffered', 'size', 'runs_as'}
local place = {}
for i, name in ipairs(FIELDS) do place[name] = i end

local function status_of(job_id)
  local status = job_id and redis.pcall('HGET', prefix .. ':job:' .. job_id, 'status')
  return type(status) == 'string' and status or ''
end

local function template_of(key)
  local job = redis.pcall('HGETALL', key)
  return job.err and {} or job
end

-- What a recurring job calls stands in its job.
local function described(key)
  local description = redis.pcall('HGET', key, 'description')
  return type(description) == 'string' and {'description', description} or {}
end

local reply, copied = {now_us, FIELDS}, 0
local function count(values)
  for i = 1, #values do copied = copied + (values[i] and #values[i] or 0) end
end

for i = 3, #ARGV do
  local id, index, job = ARGV[i], KEYS[1], {}
  local record = redis.pcall('HMGET', schedule_key(id), unpack(FIELDS))
  if record.err then record = {} end
  local kind, last_run = record[place.kind], record[place.last_run_id]
  if kind == 'schedule' and (record[place.armed] or '') == '' and redis.call('EXISTS', buffer_key(id)) == 1 then
    record[place.buffered] = '1'
  end
  if kind == 'job' then
    index, last_run = prefix .. ':scheduler:scheduled_jobs', id
    job = (templates and template_of or described)(prefix .. ':job:' .. id)
  elseif kind and templates then
    job = template_of(template_key(id))
  end
  reply[#reply + 1] = {redis.call('ZSCORE', index, id) or '', status_of(last_run), record, job}
  count(record)
  count(job)
  if copied > LARGEST then break end
end
return reply
