-- Takes the lease on an entry that is handed off by code of the application, outside a transaction.
--
-- KEYS[1]  the index that holds the entry (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 due as read, 4 lease in seconds, 5 fence key or '', 6 fence token, 7 fence ttl in ms
-- returns  {'ok'}, {'changed'} when the entry has moved on, {'claimed'} when another dispatcher has it,
--          or {'fenced', ...}
-- keeps    one dispatcher at a time; a dead one's lease runs out
local prefix, id, due, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local fence_key, fence_token, fence_ttl = ARGV[5], ARGV[6], ARGV[7]
-- @include clock
-- @include fence
local claims = prefix .. ':scheduler:claims'
local score = redis.call('ZSCORE', KEYS[1], id)
if not same_moment(score, due) then return {'changed'} end
local expiry = redis.call('ZSCORE', claims, id)
-- One that ends later still is older than a step back of the server's clock.
if expiry and tonumber(expiry) > now and tonumber(expiry) <= now + tonumber(lease) then return {'claimed'} end
redis.call('ZADD', claims, string.format('%.6f', now + tonumber(lease)), id)
return {'ok'}
