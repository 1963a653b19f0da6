-- Who is there: the live dispatchers, when each was last heard of, also those that are gone, and the outages in which nothing could be
-- handed off. Needs: prefix, clock, events.
local dispatchers, heartbeats = prefix .. ':scheduler:dispatchers', prefix .. ':scheduler:heartbeats'
local OUTAGE_AFTER = 15 -- seconds without any heartbeat, which come every five at most; or of a lock that is held
local MAX_OUTAGES = 1000

local function in_us(score) return string.format('%.0f', tonumber(score) * 1000000) end

-- Gives dispatchers whose time is up `ttl` seconds more: it was Redis that was away.
local function spare_all(ttl)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', dispatchers, '-inf', now_score)) do
    redis.call('ZADD', dispatchers, string.format('%.6f', now + ttl), name)
  end
end

-- Takes dispatchers whose time is up off the list of the living, and tells that they died.
local function drop_dead()
  local dead = redis.call('ZRANGEBYSCORE', dispatchers, '-inf', now_score)
  if not dead[1] then return end
  redis.call('ZREMRANGEBYSCORE', dispatchers, '-inf', now_score)
  for _, name in ipairs(dead) do
    local last = redis.call('ZSCORE', heartbeats, name)
    tell('dispatcher_died', name, 'last_heartbeat', last and in_us(last) or '')
  end
end

local function book_outage(since_us, cause)
  local outages = prefix .. ':scheduler:outages'
  redis.call('ZADD', outages, now_score, since_us .. ' ' .. now_us .. ' ' .. cause)
  local oldest = redis.call('ZRANGE', outages, 0, -MAX_OUTAGES - 1)
  if oldest[1] then redis.call('ZREM', outages, unpack(oldest)) end
  tell('outage', '', 'since', since_us, 'until', now_us, 'cause', cause)
end

-- Notes a dispatcher's heartbeat. When the last one of anybody was too long ago, that was an outage. `cause`: 'redis' or 'fleet' of a
-- dispatcher that lived through it, and else '': then Redis was there, if its run_id is that of before, and nobody can tell if it is
-- not.
local function note_heartbeat(name, run_id, cause)
  local run_id_key = prefix .. ':scheduler:run_id'
  local last = redis.call('ZRANGE', heartbeats, -1, -1, 'WITHSCORES')[2]
  local known = redis.call('GET', run_id_key)
  redis.call('ZADD', heartbeats, now_score, name)
  if run_id ~= '' and run_id ~= known then redis.call('SET', run_id_key, run_id) end
  if not last or now - tonumber(last) < OUTAGE_AFTER then return end
  if cause == '' then cause = run_id ~= '' and run_id == known and 'fleet' or 'unknown' end
  book_outage(in_us(last), cause)
end

-- Notes who holds the lock against all dispatchers, or '' for nobody: told once, and booked as an outage when it is over.
local function note_lock(holder)
  local key = prefix .. ':scheduler:lock_held'
  local since, told = unpack(redis.call('HMGET', key, 'since', 'told'))
  if holder == '' then
    if since then redis.call('DEL', key) end
    if told then book_outage(since, 'lock') end
    return
  end
  if not since then redis.call('HSET', key, 'since', now_us) end
  redis.call('EXPIRE', key, 60) -- of a fleet that dies meanwhile, nobody knows when it was given back
  if since and not told and now_us - since >= OUTAGE_AFTER * 1000000 then
    redis.call('HSET', key, 'told', '1')
    tell('lock_held', '', 'holder', holder, 'since', since)
  end
end
