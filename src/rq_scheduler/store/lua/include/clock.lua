local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local now_score = string.format('%d.%06d', time[1], time[2])
local now_us = string.format('%d%06d', time[1], time[2])

-- Whether a score is the one that Python read, rounded to microseconds and cut to what is a time at all. Foreign clients
-- write finer ones (time.time()), and inf.
local function same_moment(score, due)
  if not score then return false end
  score, due = tonumber(score), tonumber(due)
  return score == due or math.abs(math.max(-1e12, math.min(1e12, score)) - due) < 0.0000007
end
