-- Reads what says when schedules run and how long that takes, the recurring jobs of the 0.14 API among them: no job, and no run.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, then ids
-- returns  {{due or '', values of kind, spec, queue, paused, armed, repeat, runs and ends, nil where there is none}, ...} in the order
--          given; {''} for an unknown one
-- keeps    a read never writes
local prefix = ARGV[1]
-- @include schedule
local jobs, page = prefix .. ':scheduler:scheduled_jobs', {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'spec', 'queue', 'paused', 'armed', 'repeat', 'runs', 'ends')
  if record.err or not record[1] then
    page[i - 1] = {''}
  else
    local due = redis.call('ZSCORE', record[1] == 'job' and jobs or KEYS[1], id) or ''
    page[i - 1] = {due, unpack(record, 1, 8)}
  end
end
return page
