-- Forgets entries in quarantine, each only if its record is still what was read. The job of one that is not pending again is
-- canceled, and expires.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 seconds to keep a job that would never expire, 3 who purges them, then for each entry: id, record as read
-- returns  {'ok' or 'changed', ...} in the order given
-- keeps    what was mended and is pending again is not touched
local prefix, keep_for, actor = ARGV[1], ARGV[2], ARGV[3]
local index = KEYS[1]
-- @include clock
-- @include recurring
-- @include overlap
-- @include ending
-- @include keeping
-- @include parked
-- @include held
-- @include audit

local function let_go(id, record)
  local key = prefix .. ':job:' .. id
  if not record or redis.call('TYPE', key).ok ~= 'hash' or redis.pcall('HGET', schedule_key(id), 'kind') then return end
  if pending_in(id, record) or is_another_job(id) then return end
  local status = redis.call('HGET', key, 'status')
  if status == 'scheduled' then redis.call('HSET', key, 'status', 'canceled') end
  if record.recurs then
    end_series(id, redis.call('HGET', kept_key(id), 'queue'), keep_for, keep_for)
  elseif status == 'scheduled' then
    let_job_expire(id, keep_for)
  end
end

local reply = {}
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('HGET', held, id) == ARGV[i + 1] then
    let_go(id, held_record(ARGV[i + 1]))
    redis.call('HDEL', held, id)
    redis.call('DEL', kept_key(id))
    audit('purged', id, actor)
    reply[#reply + 1] = 'ok'
  else
    reply[#reply + 1] = 'changed'
  end
end
return reply
