-- Looks at jobs whose series ended while RQ had a run of them, now and then until that is over: then all that RQ has of them
-- expires, or goes where the job was to be deleted.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 how many at most
-- returns  {'ok', how many are over}
-- keeps    a job that is on the schedule again is not touched; another that was made under its id is not deleted, but expires
local prefix, limit = ARGV[1], ARGV[2]
local index = KEYS[1]
-- @include clock
-- @include overlap
-- @include ending
local OFTEN, SELDOM = 5, 60 -- seconds between two looks at a run that goes on, and at one that waits

local function recurs(id)
  return redis.call('EXISTS', prefix .. ':scheduler:schedule:' .. id) == 1
end

local function delete_job(id, queue)
  local key = prefix .. ':job:' .. id
  redis.call('DEL', key, key .. ':dependents', prefix .. ':job::' .. id .. ':dependencies', prefix .. ':results:' .. id)
  if queue then leave_registries(id, queue, 0) end
end

-- Seconds until the next look, or nil when all is done.
local function tend(id)
  if recurs(id) then return nil end
  local job = redis.pcall('HMGET', prefix .. ':job:' .. id, 'status', 'origin', 'created_at')
  if job.err then return nil end
  local status, queue, deleted = job[1], job[2], redis.pcall('GET', deleted_key(id))
  if redis.call('ZSCORE', index, id) or is_in_rq(id, status, queue) then return status == 'started' and OFTEN or SELDOM end
  if type(deleted) == 'string' and (not job[3] or job[3] == deleted) then
    delete_job(id, queue)
    return OFTEN
  end
  let_job_expire(id, A_YEAR)
  let_traces_expire(id, queue, A_YEAR)
end

local over = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ended, '-inf', now_score, 'LIMIT', 0, limit)) do
  local seconds = tend(id)
  if seconds then
    redis.call('ZADD', ended, string.format('%.6f', now + seconds), id)
  else
    redis.call('ZREM', ended, id)
    over = over + 1
  end
end
return {'ok', over}
