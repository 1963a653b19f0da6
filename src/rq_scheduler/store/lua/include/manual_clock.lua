-- The clock that a test moves by hand (rq_scheduler.testing), in place of the server's: the same two texts as TIME's.
local time = redis.call('HMGET', ARGV[1] .. ':scheduler:clock', 'seconds', 'microseconds')
if not time[1] then
  return redis.error_reply('NOCLOCK the manual clock of rq_scheduler.testing shows no time in this Redis (it was emptied ' ..
    'since): move the clock, or release its dispatchers')
end
