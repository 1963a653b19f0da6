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
-- @include shown
local LARGEST = 1024 * 1024 -- bytes: so much takes Redis a millisecond or two

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
  local id, job = ARGV[i], {}
  local record = read_record(id)
  if record.err then record = {} end
  local kind = record[KIND]
  if kind == 'job' then
    job = (templates and read_job or described)(prefix .. ':job:' .. id)
  elseif kind and templates then
    job = read_job(template_key(id))
  end
  reply[#reply + 1] = shown(id, record, job)
  count(record)
  count(job)
  if copied > LARGEST then break end
end
return reply
