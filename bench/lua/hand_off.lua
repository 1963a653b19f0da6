-- The limit of handing off one-offs: the writes of one batch, in the fewest commands, with no check of anything.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 most entries, 2 today ("2026-01-31T"), 3 queue, 4 RQ's default timeout
-- returns  entries handed off
local time = redis.call('TIME')
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time[1] .. '.' .. string.format('%06d', time[2]), 'LIMIT', 0, ARGV[1])
if #ids == 0 then return 0 end
local second = time[1] % 86400
local now = ARGV[2] .. string.format('%02d:%02d:%02d.%06dZ', math.floor(second / 3600), math.floor(second / 60) % 60, second % 60, time[2])
for _, id in ipairs(ids) do
  redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', now, 'timeout', ARGV[4])
end
redis.call('SADD', 'rq:queues', 'rq:queue:' .. ARGV[3])
redis.call('RPUSH', 'rq:queue:' .. ARGV[3], unpack(ids))
redis.call('ZREM', KEYS[1], unpack(ids))
return #ids
