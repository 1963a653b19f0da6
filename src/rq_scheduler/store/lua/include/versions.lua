-- The earlier definitions of a schedule: a list, newest first, of what was replaced or deleted. It only informs. Needs: prefix, schedule,
-- clock.
local MAX_VERSIONS, MAX_VERSION_SIZE = 10, 65536
local MAX_DELETED = 10000 -- deleted schedules of which definitions are kept: an application may delete any number
local deleted_schedules = prefix .. ':scheduler:deleted_schedules'
local VERSION_FIELDS = {'version', 'updated', 'by', 'spec', 'func', 'call', 'queue', 'owner', 'tags', 'slow', 'paused', 'note'}

local function versions_key(id) return prefix .. ':scheduler:versions:' .. id end

-- The fields and values of a schedule's job; none where they, or the call alone (`size` bytes), are too large to be kept.
local function job_of_version(id, size)
  if (tonumber(size or '') or 0) > MAX_VERSION_SIZE then return {} end
  local job, whole = redis.pcall('HGETALL', template_key(id)), 0
  for _, value in ipairs(job) do whole = whole + #value end
  return whole <= MAX_VERSION_SIZE and job or {}
end

-- The definition as it stands: the values of VERSION_FIELDS, until when it holds (us, or ''), and its job.
local function version_of(id, ends)
  local values = redis.call('HMGET', schedule_key(id), 'size', unpack(VERSION_FIELDS))
  local size = table.remove(values, 1)
  for i in ipairs(VERSION_FIELDS) do values[i] = values[i] or '' end
  values[#values + 1] = ends
  for _, value in ipairs(job_of_version(id, size)) do values[#values + 1] = value end
  return values
end

local function keep_version(id, version)
  local length = redis.pcall('LPUSH', versions_key(id), cmsgpack.pack(version))
  if type(length) == 'number' and length > MAX_VERSIONS then redis.pcall('LTRIM', versions_key(id), 0, MAX_VERSIONS - 1) end
end

-- Keeps those of a schedule that is deleted, for so many seconds.
local function keep_deleted(id, seconds)
  redis.pcall('EXPIRE', versions_key(id), seconds)
  redis.pcall('ZADD', deleted_schedules, now_score, id)
  local length = redis.pcall('ZCARD', deleted_schedules)
  if type(length) ~= 'number' or length <= MAX_DELETED then return end
  for _, oldest in ipairs(redis.pcall('ZRANGE', deleted_schedules, 0, 0)) do
    redis.pcall('ZREM', deleted_schedules, oldest)
    redis.pcall('DEL', versions_key(oldest))
  end
end

-- Of one that was deleted, and is put again, they have no end.
local function keep_again(id)
  redis.pcall('ZREM', deleted_schedules, id)
  redis.pcall('PERSIST', versions_key(id))
end

-- Those that are kept, newest first; what is none of ours is left out.
local function read_versions(id, most)
  local versions = {}
  for _, kept in ipairs(redis.pcall('LRANGE', versions_key(id), 0, most - 1)) do
    local known, version = pcall(cmsgpack.unpack, kept)
    if known and type(version) == 'table' and #version > #VERSION_FIELDS then versions[#versions + 1] = version end
  end
  return versions
end
