-- Pauses a schedule that cannot be planned, with the reason in its note and in quarantine.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 rev as read, 4 due as read (unix seconds), 5 reason
-- returns  {'ok'} or {'changed'}
-- keeps    one that was mended meanwhile stays in place
local prefix, id, rev, due, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
-- @include clock
-- @include events
-- @include counters
-- @include quarantine
-- @include schedule
local key = schedule_key(id)
if not same_moment(redis.call('ZSCORE', KEYS[1], id), due) then return {'changed'} end
local type = redis.call('TYPE', key).ok
check_quarantine()
if type == 'hash' then
  if (redis.call('HGET', key, 'rev') or '') ~= rev then return {'changed'} end
  redis.call('HSET', key, 'rev', redis.call('INCR', prefix .. ':scheduler:rev'), pause_fields(now_us, reason, '', '', ''))
  redis.call('ZADD', paused_schedules, 0, id)
end
for _, set in ipairs({buffered_schedules, to_plan, unplanned, expected}) do redis.call('ZREM', set, id) end
quarantine(KEYS[1], id, due, reason)
counters.write()
return {'ok'}
