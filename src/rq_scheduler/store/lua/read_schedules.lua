-- Reads what a plan needs of recurring jobs that are due, or will be.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 zset that the ids came from, then ids
-- returns  {now in us, {due or '', rev or '', spec, meta of the record, created_at of the record, meta of the job,
--          created_at of the job, buffered nominal or '', runs left or '', armed or '', bytes of the copy}, ...} in the order given
-- keeps    a read never writes
local prefix, source = ARGV[1], ARGV[2]
-- @include clock
local reply = {now_us}
for i = 3, #ARGV do
  local id = ARGV[i]
  local key = prefix .. ':scheduler:schedule:' .. id
  local record = redis.pcall('HMGET', key, 'rev', 'spec', 'meta', 'created_at',
    'buffered', 'repeat', 'armed')
  local job = redis.pcall('HMGET', prefix .. ':job:' .. id, 'meta', 'created_at')
  if record.err then record = {err = true} end
  if job.err then job = {} end
  reply[#reply + 1] = {redis.call('ZSCORE', source, id) or '', record[1] or '', record[2] or '', record[3] or '',
    record[4] or '', job[1] or '', job[2] or '', record[5] or '', record[6] or '', record[7] or '',
    record.err and 0 or redis.call('HSTRLEN', key, 'template')}
end
return reply
