-- How long entries wait that a dispatcher looks at again and again, or has to itself for a while. Needs: now, now_score.
local LEASE = 2 -- seconds for which a dispatcher has what it takes: then it comes again, unless it was done

-- Ends waits of more than so many seconds from now on, and says whether there were any. None was meant to be longer: the server's clock
-- went back, and they would last for the size of that step.
local function limit_waits(set, longest)
  local last = redis.pcall('ZRANGE', set, -1, -1, 'WITHSCORES')
  longest = longest + 1 -- the clock's reading and its text are not the same to the last digit
  if last.err or not last[2] or tonumber(last[2]) <= now + longest then return false end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, string.format('(%.6f', now + longest), '+inf', 'LIMIT', 0, 1000)) do
    redis.call('ZADD', set, now_score, id)
  end
  return true
end
