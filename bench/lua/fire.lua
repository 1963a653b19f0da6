-- The limit of firing schedules: the writes of one batch of fires, in the fewest commands, with no check of anything. All
-- are due at the same instant, and none has a run that is still going.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 most schedules, 2 today ("2026-01-31T"), 3 RQ's default timeout, 4 nominal time (us), 5 the same as run ids
--          have it, 6 next (us), 7 next (unix seconds), 8 how many runs each has had, with this one, 9 jitter (us): each is armed for
--          a moment of its own, up to so much later
-- returns  schedules fired
local time = redis.call('TIME')
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time[1] .. '.' .. string.format('%06d', time[2]), 'LIMIT', 0, ARGV[1])
if #ids == 0 then return 0 end
local second = time[1] % 86400
local now = ARGV[2] .. string.format('%02d:%02d:%02d.%06dZ', math.floor(second / 3600), math.floor(second / 60) % 60, second % 60, time[2])
local now_us = time[1] .. string.format('%06d', time[2])
local timeout, nominal, next_us, next_due, runs = ARGV[3], ARGV[4], ARGV[6], ARGV[7], ARGV[8]
local armed, line = next_us .. ':' .. next_us, 'e ' .. string.sub(nominal, 1, -7) .. 's 0 ' .. string.format('%.0f', now_us - nominal) .. ' -'
local queues, arming, jitter = {}, {}, tonumber(ARGV[9])
math.randomseed(time[2])
for i, id in ipairs(ids) do
  local run = id .. '-' .. ARGV[5]
  local queue = redis.call('HGET', 'rq:scheduler:schedule:' .. id, 'queue')
  local its = queues[queue]
  local its_armed, its_due = armed, next_due
  if jitter > 0 then
    local due = next_us + math.random(0, jitter)
    its_armed, its_due = next_us .. ':' .. string.format('%.0f', due), string.format('%.6f', due / 1000000)
  end
  local job, history = 'rq:job:' .. run, 'rq:scheduler:history:' .. id
  redis.call('COPY', 'rq:scheduler:template:' .. id, job)
  redis.call('HSET', job, 'status', 'queued', 'created_at', now, 'enqueued_at', now, 'timeout', timeout)
  redis.call('HSET', 'rq:scheduler:schedule:' .. id, 'live', run, 'mark', nominal, 'armed', its_armed,
    'runs', runs, 'last_run_at', now_us, 'last_run_id', run)
  redis.call('LPUSH', history, line)
  redis.call('LTRIM', history, 0, 49)
  if its then its[#its + 1] = run else queues[queue] = {run} end
  arming[2 * i - 1], arming[2 * i] = its_due, id
end
for queue, its in pairs(queues) do
  redis.call('SADD', 'rq:queues', 'rq:queue:' .. queue)
  redis.call('RPUSH', 'rq:queue:' .. queue, unpack(its))
end
redis.call('ZADD', KEYS[1], unpack(arming))
return #ids
