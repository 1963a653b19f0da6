-- The clock that a test moves by hand (rq_scheduler.testing), in place of the server's: the same two texts as TIME's.
local time = redis.call('HMGET', ARGV[1] .. ':scheduler:clock', 'seconds', 'microseconds')
if not time[1] then
  return redis.error_reply('NOCLOCK the manual clock of rq_scheduler.testing shows no time in this Redis (it was emptied ' ..
    'since): move the clock, or release its dispatchers')
end

-- The id of a new entry of a stream: that time; where it has gone back, the one behind the last entry, since ids have to rise.
local function stream_id(key)
  local ms = string.format('%d%03d', time[1], math.floor(time[2] / 1000))
  local newest = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local last_ms, number = string.match(newest and newest[1] or '0-0', '^(%d+)-(%d+)$')
  if tonumber(last_ms) < tonumber(ms) then return ms .. '-0' end
  return last_ms .. '-' .. string.format('%d', number + 1)
end
