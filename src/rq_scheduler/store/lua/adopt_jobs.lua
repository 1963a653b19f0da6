-- Makes schedules of recurring jobs that a 0.14 client wrote, or that an application has edited since, each for itself.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 bytes of jobs after which the rest is left for another call, then 8 for each job: id, due as read (unix
--          seconds), meta as read, created_at as read, rev of its record as read, or '', spec (JSON), runs left, '' for no limit, or
--          'keep', armed ("nominal:due" in us, or '' where they are the same)
-- returns  {outcome, rev or '', ...} in the order given; outcomes: adopted, or with nothing written changed: the entry, its job or
--          its record is no longer what was read; foreign: the record's key holds something else, or a schedule that `put` wrote;
--          later: not looked at
-- keeps    a job is adopted as what it is now, never as what it was; what was changed since it was adopted stays
local prefix, most_bytes = ARGV[1], tonumber(ARGV[2])
-- @include clock
-- @include events
-- @include recurring
-- @include overlap
-- @include ending
-- @include revision
check_revisions()

local function adopt(id, due, meta, created_at, read_rev, spec, runs_left, armed)
  local job_key, key = prefix .. ':job:' .. id, schedule_key(id)
  local type = redis.call('TYPE', key).ok
  if type ~= 'hash' and type ~= 'none' then return 'foreign' end
  if redis.call('HGET', key, 'kind') == 'schedule' then return 'foreign' end
  local score = redis.call('ZSCORE', KEYS[1], id)
  local job = redis.pcall('HMGET', job_key, 'meta', 'created_at', 'result_ttl', 'retries_left', 'ttl', 'failure_ttl',
    'origin')
  if job.err or not same_moment(score, due) or (job[1] or '') ~= meta or (job[2] or '') ~= created_at then
    return 'changed'
  end
  local known = redis.call('HMGET', key, 'rev', 'spec', 'meta', 'created_at', 'queue')
  if known[1] and known[2] == spec and known[3] == meta and known[4] == created_at then
    return 'adopted', tonumber(known[1]) -- sent again
  end
  if (known[1] or '') ~= read_rev then return 'changed' end
  local rev = redis.call('INCR', prefix .. ':scheduler:rev')
  redis.call('HSET', key, 'kind', 'job', 'spec', spec, 'rev', rev,
    'updated', now_us, 'meta', meta, 'created_at', created_at, 'result_ttl', job[3] or '', 'armed', armed)
  if runs_left ~= 'keep' then redis.call('HSET', key, 'repeat', runs_left) end
  redis.call('HDEL', key, 'last_meta')
  redis.call('HINCRBY', key, 'version', 1)
  redis.call('HSETNX', key, 'created', now_us)
  redis.call('HSETNX', key, 'retries', job[4] or '')
  if keeps_copy(job[3], job[5], job[6]) then
    redis.call('HSET', key, 'template', template_of(job_key))
  else
    redis.call('HDEL', key, 'template')
  end
  local queue = known[5]
  if queue and queue ~= job[7] then leave_registries(id, queue, A_YEAR) end
  list_schedule(id, job[7] or '', score)
  have_planned(id, score)
  if not known[1] then tell('adopted', id, 'queue', job[7] or '') end
  return 'adopted', rev
end

-- A copy of the whole job may be made: large ones take their time.
local function size_of(id, meta)
  local length = redis.pcall('HSTRLEN', prefix .. ':job:' .. id, 'data')
  return #meta + (tonumber(length) or 0)
end

local reply, bytes = {}, 0
for i = 3, #ARGV, 8 do
  local id, outcome, rev = ARGV[i], 'later', ''
  if bytes <= most_bytes then
    bytes = bytes + size_of(id, ARGV[i + 2])
    outcome, rev = adopt(unpack(ARGV, i, i + 7))
  end
  reply[#reply + 1] = outcome
  reply[#reply + 1] = rev or ''
end
return reply
