-- The limit of handing off one-offs: the writes of one batch, in the fewest commands, with no check of anything.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 most entries, 2 today ("2026-01-31T"), 3 RQ's default timeout, 4 ... what it reads of each job, its queue
--          first; when nothing, all go to `default`
-- returns  entries handed off
local time = redis.call('TIME')
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time[1] .. '.' .. string.format('%06d', time[2]), 'LIMIT', 0, ARGV[1])
if #ids == 0 then return 0 end
local second = time[1] % 86400
local now = ARGV[2] .. string.format('%02d:%02d:%02d.%06dZ', math.floor(second / 3600), math.floor(second / 60) % 60, second % 60, time[2])
local timeout, fields, queues = ARGV[3], #ARGV - 3, {}
for _, id in ipairs(ids) do
  local key, queue = 'rq:job:' .. id, 'default'
  if fields == 1 then
    queue = redis.call('HGET', key, ARGV[4])
  elseif fields > 1 then
    queue = redis.call('HMGET', key, unpack(ARGV, 4))[1]
  end
  redis.call('HSET', key, 'status', 'queued', 'enqueued_at', now, 'timeout', timeout)
  local its = queues[queue]
  if its then its[#its + 1] = id else queues[queue] = {id} end
end
for queue, its in pairs(queues) do
  redis.call('SADD', 'rq:queues', 'rq:queue:' .. queue)
  redis.call('RPUSH', 'rq:queue:' .. queue, unpack(its))
end
redis.call('ZREM', KEYS[1], unpack(ids))
return #ids
