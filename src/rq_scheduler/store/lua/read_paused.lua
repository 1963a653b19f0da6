-- Tells the paused schedules that failures or a fault have paused from those that people have.
--
-- KEYS[1]  the paused schedules (zset, id -> 0)
-- ARGV     1 prefix, 2 how many to look at, the first in order
-- returns  {{id, ...} of those that no person paused, {id, ...} of the others}
-- keeps    a read never writes
local prefix = ARGV[1]
local ids = redis.pcall('ZRANGE', KEYS[1], 0, ARGV[2] - 1)
local by_itself, by_people = {}, {}
for _, id in ipairs(ids.err and {} or ids) do
  local key, itself = prefix .. ':scheduler:schedule:' .. id, false
  if redis.pcall('HGET', key, 'paused_by') == '' then
    local note = redis.call('HGET', key, 'note') -- which says why
    itself = note and note ~= ''
  end
  local into = itself and by_itself or by_people
  into[#into + 1] = id
end
return {by_itself, by_people}
