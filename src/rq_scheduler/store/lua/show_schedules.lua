-- Reads what people are shown of schedules, the recurring jobs of the 0.14 API among them.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 '1' to read their job templates too, then ids
-- returns  {now in us, {due or '', status of the last run or '', {field, value, ...} of the record, {field, value, ...} of the job
--          template}, ...} in the order given, no fields for an unknown one; fewer than asked for, but at least one, where their
--          templates are large
-- keeps    a read never writes
local prefix, templates = ARGV[1], ARGV[2] == '1'
-- @include clock
-- @include schedule
local LARGEST = 2 * 1024 * 1024 -- bytes of templates: so much takes Redis a millisecond or two
local FIELDS = {'kind', 'spec', 'rev', 'version', 'created', 'updated', 'func', 'call', 'queue', 'owner', 'tags', 'note', 'paused',
  'armed', 'mark', 'runs', 'skipped', 'missed', 'last_run_at', 'last_run_id', 'manual', 'backfilled', 'repeat',
  'slow', 'buffered', 'size', 'runs_as'}

local function hash(key, names)
  local values, fields = redis.pcall('HMGET', key, unpack(names)), {}
  if values.err then return fields end
  for i, name in ipairs(names) do
    if values[i] then
      fields[#fields + 1] = name
      fields[#fields + 1] = values[i]
    end
  end
  return fields
end

local function status_of(job_id)
  local status = job_id and redis.pcall('HGET', prefix .. ':job:' .. job_id, 'status')
  return type(status) == 'string' and status or ''
end

local function size_of(key)
  local size = redis.pcall('HSTRLEN', key, 'data')
  return type(size) == 'number' and size or 0
end

local reply, copied = {now_us}, 0
for i = 3, #ARGV do
  local id = ARGV[i]
  local record, job, field = hash(schedule_key(id), FIELDS), {}, {}
  for f = 1, #record, 2 do field[record[f]] = record[f + 1] end
  if field.kind == 'schedule' and (field.armed or '') == '' and redis.call('EXISTS', buffer_key(id)) == 1 then
    record[#record + 1] = 'buffered'
    record[#record + 1] = '1'
  end
  local index, last_run = KEYS[1], field.last_run_id
  if field.kind == 'job' then
    index, last_run = prefix .. ':scheduler:scheduled_jobs', id
  end
  if field.kind and templates then
    local key = field.kind == 'job' and prefix .. ':job:' .. id or template_key(id)
    copied = copied + size_of(key)
    if copied > LARGEST and #reply > 1 then break end
    local all = redis.pcall('HGETALL', key)
    if not all.err then job = all end
  end
  reply[#reply + 1] = {redis.call('ZSCORE', index, id) or '', status_of(last_run), record, job}
end
return reply
