-- Moves jobs that wait in a queue to the end of another, in their order: a batch of them. A worker that takes one then counts it to the
-- queue where it is now.
--
-- KEYS[1]  the queue (list of job ids)
-- ARGV     1 prefix, 2 name of the queue, 3 name of the other, 4 most, 5 who does this
-- returns  {how many were moved, how many are left}
-- keeps    a job is in one of the two queues at any time
local prefix, from, to, most, actor = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
-- @include clock
-- @include audit
local queue, other = KEYS[1], prefix .. ':queue:' .. to
local ids = redis.call('LRANGE', queue, 0, most - 1)
redis.call('LLEN', other) -- a key of a wrong type has to end the script before its first write
if #ids == 0 then return {0, 0} end
redis.call('SADD', prefix .. ':queues', other)
for _, id in ipairs(ids) do
  local key = prefix .. ':job:' .. id
  if redis.call('TYPE', key).ok == 'hash' then redis.call('HSET', key, 'origin', to) end
end
redis.call('RPUSH', other, unpack(ids))
redis.call('LTRIM', queue, #ids, -1)
audit('jobs_moved', from, actor, 'to', to, 'jobs', #ids)
return {#ids, redis.call('LLEN', queue)}
