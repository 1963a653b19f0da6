-- Looks after records of recurring jobs, now and then. RQ gives a failed job a year, and a schedule may fire less often
-- than that: where no copy is kept, the job's expiry is taken off. A 0.14 client that cancels removes only the entry:
-- the record goes too.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, then ids
-- returns  {'ok', number of records that were looked after}
-- keeps    a schedule outlives its jobs; one that was cancelled leaves nothing behind
local prefix = ARGV[1]
-- @include recurring
local tended = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local key = schedule_key(id)
  if redis.call('TYPE', key).ok == 'hash' and redis.call('HGET', key, 'kind') == 'job' then
    if not redis.call('ZSCORE', KEYS[1], id) and not redis.call('ZSCORE', prefix .. ':scheduler:buffered', id) then
      forget_schedule(id)
      tended = tended + 1
    elseif redis.call('HEXISTS', key, 'template') == 0 then
      tended = tended + redis.call('PERSIST', prefix .. ':job:' .. id)
    end
  end
end
return {'ok', tended}
