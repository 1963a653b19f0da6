-- Lends a receiver of alerts to one dispatcher for a while, or for a while longer, and reads events for it.
--
-- KEYS[1]  the receivers of alerts (zset, name -> when a dispatcher last looked, unix seconds)
-- ARGV     1 prefix, 2 name, 3 token of who asks, 4 for how long in ms, 5 the place behind which to read, or '' to begin: behind what is
--          remembered, 6 most events
-- returns  {'ok', now in us, what is remembered (field, value, ...; nothing unless it begins), how many events there have ever been, how
--          many are kept ('' where the server does not tell), the place of the oldest, or '', whether that behind which was read is kept,
--          events {place, {field, value, ...}, ...}};
--          {'held', now in us, for how many ms more}: another dispatcher has it; or {'lost', now in us}: another has had it meanwhile
-- keeps    one dispatcher at a time sends to a receiver; a receiver that is new begins with what happens from now on
local prefix, name, token = ARGV[1], ARGV[2], ARGV[3]
local lease, place, most = tonumber(ARGV[4]), ARGV[5], ARGV[6]
-- @include clock
-- @include receivers
local key, events = KEYS[1] .. ':' .. name, prefix .. ':scheduler:events'

local held = redis.call('HMGET', key, 'holder', 'leased_until', 'place')
local holder, left = held[1], (tonumber(held[2] or '') or 0) - tonumber(now_us)
if holder and holder ~= '' and holder ~= token and left > 0 then
  return {'held', now_us, string.format('%.0f', left / 1000)}
end
local begins = place == ''
-- Without a holder nobody has had it: what Redis knew of it is gone, and who asks knows more.
if not begins and holder and holder ~= token then return {'lost', now_us} end

-- Until Redis 7 nobody counts what was trimmed.
local added, length, facts = '', '', redis.pcall('XINFO', 'STREAM', events)
for i = 1, facts.err and 0 or #facts, 2 do
  if facts[i] == 'entries-added' then added = tostring(facts[i + 1]) end
  if facts[i] == 'length' then length = tostring(facts[i + 1]) end
end
local remembered = begins and redis.call('HGETALL', key) or {}
local first = {}
if not held[3] then
  local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
  first = begins and {'place', newest and newest[1] or '0-0', 'position', added} or {'place', place, 'position', ''}
end
if begins then
  for _, value in ipairs(first) do remembered[#remembered + 1] = value end
  place = held[3] or first[2]
end
local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local kept = redis.call('XRANGE', events, place, place, 'COUNT', 1)[1] and '1' or '0'
local page = redis.call('XRANGE', events, '(' .. place, '+', 'COUNT', most)

local leased_until = string.format('%.0f', tonumber(now_us) + lease * 1000)
redis.call('HSET', key, 'holder', token, 'leased_until', leased_until, unpack(first))
redis.call('EXPIRE', key, KEPT)
redis.call('ZADD', KEYS[1], now_score, name)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.6f', now - KEPT))
return {'ok', now_us, remembered, added, length, oldest and oldest[1] or '', kept, page}
