-- The limit of firing schedules: the writes of one batch of fires, in the fewest commands, with no check of anything. All
-- are due at the same instant, and none has a run that is still going.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 most schedules, 2 today ("2026-01-31T"), 3 queue, 4 RQ's default timeout, 5 nominal time (us), 6 the same
--          as run ids have it, 7 next (us), 8 next (unix seconds), 9 how many runs each has had, with this one
-- returns  schedules fired
local time = redis.call('TIME')
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time[1] .. '.' .. string.format('%06d', time[2]), 'LIMIT', 0, ARGV[1])
if #ids == 0 then return 0 end
local second = time[1] % 86400
local now = ARGV[2] .. string.format('%02d:%02d:%02d.%06dZ', math.floor(second / 3600), math.floor(second / 60) % 60, second % 60, time[2])
local now_us = time[1] .. string.format('%06d', time[2])
local nominal, next_us, next_due, runs = ARGV[5], ARGV[7], ARGV[8], ARGV[9]
local armed, line = next_us .. ':' .. next_us, 'enqueued ' .. nominal .. ' ' .. nominal .. ' ' .. now_us .. ' '
local made, arming = {}, {}
for i, id in ipairs(ids) do
  local run = id .. '-' .. ARGV[6]
  local job, history = 'rq:job:' .. run, 'rq:scheduler:history:' .. id
  redis.call('COPY', 'rq:scheduler:template:' .. id, job)
  redis.call('HSET', job, 'status', 'queued', 'created_at', now, 'enqueued_at', now, 'timeout', ARGV[4])
  redis.call('HSET', 'rq:scheduler:schedule:' .. id, 'live', run, 'mark', nominal, 'armed', armed,
    'runs', runs, 'last_run_at', now_us, 'last_run_id', run)
  redis.call('LPUSH', history, line .. run)
  redis.call('LTRIM', history, 0, 49)
  made[i] = run
  arming[2 * i - 1], arming[2 * i] = next_due, id
end
redis.call('SADD', 'rq:queues', 'rq:queue:' .. ARGV[3])
redis.call('RPUSH', 'rq:queue:' .. ARGV[3], unpack(made))
redis.call('ZADD', KEYS[1], unpack(arming))
return #ids
