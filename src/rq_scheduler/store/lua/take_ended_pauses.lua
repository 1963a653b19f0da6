-- Hands out paused schedules whose pause has ended by itself, for Python to say when they fire next. Nobody else is given them for two
-- seconds: then they come again, unless they were resumed.
--
-- KEYS[1]  paused schedules whose pause ends by itself (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 most
-- returns  {now in us, {id, rev, spec, armed, runs, when the pause ended (us)}, ...}, with '' for what there is none of
-- keeps    the record alone says when a pause ends: what an earlier pause has left here ends no later one
local prefix, most = ARGV[1], tonumber(ARGV[2])
-- @include clock
-- @include schedule
local LEASE = 2

local reply = {now_us}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_score, 'LIMIT', 0, most)) do
  local row = redis.pcall('HMGET', schedule_key(id), 'rev', 'spec', 'armed', 'runs', 'paused_until', 'paused')
  local ends = not row.err and row[6] == '1' and tonumber(row[5] or '')
  if not ends then
    redis.call('ZREM', KEYS[1], id) -- resumed, deleted, paused for good
  elseif ends > tonumber(now_us) then
    redis.call('ZADD', KEYS[1], score_of(ends), id)
  else
    redis.call('ZADD', KEYS[1], string.format('%.6f', now + LEASE), id)
    reply[#reply + 1] = {id, row[1] or '', row[2] or '', row[3] or '', row[4] or '', row[5]}
  end
end
return reply
