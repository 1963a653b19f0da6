-- Looks after records of schedules, now and then. RQ gives a failed job a year, and a recurring job may run less often
-- than that: where no copy is kept, its expiry is taken off. A 0.14 client that cancels removes only the entry: the record
-- goes too, and where an entry was moved, the list of recurring jobs follows. A schedule that should be armed, and whose entry
-- somebody removed by hand, is armed again; one that has no plan, since an older version wrote it, is planned in time;
-- one whose pause ends by itself is looked at then.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, then ids
-- returns  {'ok', number of records that were looked after}
-- keeps    a schedule outlives its jobs; one that was cancelled leaves nothing behind
local prefix = ARGV[1]
local due_schedules = prefix .. ':scheduler:due_schedules'
local to_plan, pause_ends = prefix .. ':scheduler:to_plan', prefix .. ':scheduler:pause_ends'
-- @include clock
-- @include recurring
-- @include overlap
-- @include ending

local function tend_job(id)
  local due = redis.call('ZSCORE', KEYS[1], id)
  if due then
    list_as_due(id, due)
    if redis.call('HEXISTS', schedule_key(id), 'policy') == 0 then have_planned(id, due) end
  elseif not redis.call('ZSCORE', prefix .. ':scheduler:buffered', id) then
    end_series(id, forget_schedule(id), A_YEAR, A_YEAR)
    return 1
  end
  return redis.call('HEXISTS', schedule_key(id), 'template') == 0 and redis.call('PERSIST', prefix .. ':job:' .. id) or 0
end

local function tend_schedule(id)
  local due, record = redis.call('ZSCORE', due_schedules, id), redis.call('HMGET', schedule_key(id), 'paused', 'armed', 'policy', 'paused_until')
  if not record[3] then redis.call('HDEL', schedule_key(id), 'failures', 'failure_ttl') end -- what nobody reads any more
  if due then
    return record[3] and 0 or redis.call('ZADD', to_plan, 'NX', string.format('%.6f', tonumber(due) - PLAN_LEAD), id)
  end
  -- Digits of microseconds to seconds, as text: Lua would round them.
  local sign, seconds, rest = string.match(record[2] or '', '^%-?%d+:(%-?)0*(%d-)(%d?%d?%d?%d?%d?%d)$')
  if record[1] == '1' then
    local ends = tonumber(record[4] or '')
    return ends and redis.call('ZADD', pause_ends, 'NX', string.format('%.6f', ends / 1000000), id) or 0
  end
  if not sign then return 0 end
  local score = sign .. (seconds == '' and '0' or seconds) .. '.' .. string.rep('0', 6 - #rest) .. rest
  return redis.call('ZADD', due_schedules, score, id)
end

local tended = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  if redis.call('TYPE', schedule_key(id)).ok == 'hash' then
    local kind = redis.call('HGET', schedule_key(id), 'kind')
    tended = tended + (kind == 'job' and tend_job(id) or kind == 'schedule' and tend_schedule(id) or 0)
  end
end
return {'ok', tended}
