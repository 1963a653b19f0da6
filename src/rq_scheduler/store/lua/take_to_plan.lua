-- Hands out schedules that Python has to plan, those that are due first, with all that planning needs. Nobody else is given them for two
-- seconds: then they come again, unless the plan was written.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 most
-- returns  {now in us, {id, due, rev, spec, armed, updated, bytes of the call, made_with}, ...}, with '' for what there is none of
-- keeps    two dispatchers plan different ones; those of one that dies come back
local prefix, most = ARGV[1], tonumber(ARGV[2])
local index = KEYS[1]
-- @include clock
-- @include schedule
-- @include waits

local reply, until_then = {now_us}, string.format('%.6f', now + LEASE)
local function take_from(list, other)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', list, '-inf', now_score, 'LIMIT', 0, most - #reply + 1)) do
    local due = redis.call('ZSCORE', index, id)
    if due then
      redis.call('ZADD', list, until_then, id)
      redis.call('ZADD', other, 'XX', until_then, id)
      local row = redis.pcall('HMGET', schedule_key(id), 'rev', 'spec', 'armed', 'updated', 'size', 'made_with')
      if row.err then row = {} end
      for i = 1, 6 do row[i] = row[i] or '' end
      reply[#reply + 1] = {id, due, unpack(row)}
    else
      redis.call('ZREM', list, id) -- paused, deleted, finished
    end
  end
end
take_from(unplanned, to_plan)
if #reply <= most then take_from(to_plan, unplanned) end
return reply
