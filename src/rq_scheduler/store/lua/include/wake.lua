-- Tells sleeping dispatchers of an entry that is due before all others to come and before their next poll.
-- Protected: a user without rights on the channel must not turn a finished write into an error.
-- Needs: prefix, now, now_score, index. The cap on a dispatcher's sleep is Waker.LONGEST_SLEEP.
local LONGEST_SLEEP = 5

local function wake_if_first(score)
  if score > now + LONGEST_SLEEP then return end
  local coming = redis.call('ZRANGEBYSCORE', index, '(' .. now_score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if score <= now or (coming[2] and tonumber(coming[2]) >= score) then
    redis.pcall('PUBLISH', prefix .. ':scheduler:wakeup', coming[2] or now_score)
  end
end
