-- Reads the last lines of a schedule's history, each with what RQ knows of the job.
--
-- KEYS[1]  every schedule (zset, id -> 0)
-- ARGV     1 prefix, 2 id, 3 limit
-- returns  {now in us, kind or '', {line, status or '', started_at or '', ended_at or ''}, ...}
-- keeps    a read never writes
local prefix, id, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
-- @include clock
-- @include schedule
local kind = redis.pcall('HGET', schedule_key(id), 'kind')
local reply = {now_us, type(kind) == 'string' and kind or ''}
local lines = limit == 0 and {} or redis.pcall('LRANGE', history_key(id), 0, limit - 1)
for _, line in ipairs(lines.err and {} or lines) do
  local job = redis.pcall('HMGET', prefix .. ':job:' .. (string.match(line, '(%S+)$') or ''), 'status', 'started_at', 'ended_at')
  reply[#reply + 1] = {line, job[1] or '', job[2] or '', job[3] or ''}
end
return reply
