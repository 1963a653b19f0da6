-- Reads the definitions that a schedule has and had, or had before it was deleted.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id
-- returns  {kind of what has the id now, or '', version, ...}, newest first, the present one among them: {values of VERSION_FIELDS (see
--          include/versions.lua), until when it held (us), '' for the present one, field, value, ... of the job}
-- keeps    a read writes nothing
local prefix, id = ARGV[1], ARGV[2]
-- @include clock
-- @include schedule
-- @include versions
local kind = redis.pcall('HGET', schedule_key(id), 'kind')
local reply = {type(kind) == 'string' and kind or ''}
if kind == 'schedule' then reply[2] = version_of(id, '') end
for _, version in ipairs(read_versions(id, MAX_VERSIONS)) do reply[#reply + 1] = version end
return reply
