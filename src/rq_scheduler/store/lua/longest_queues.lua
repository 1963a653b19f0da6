-- Finds the queues in which most jobs wait, in a part of RQ's set.
--
-- KEYS[1]  RQ's set of queues
-- ARGV     1 prefix, 2 where that part begins ('0' at first), 3 queues in it, about, 4 how many to find
-- returns  {where the next part begins, '0' after the last, name, jobs, ...}: also those that are as long as the last one
-- keeps    a read never writes
local queue_prefix, most = ARGV[1] .. ':queue:', tonumber(ARGV[4])
local part = redis.call('SSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
local jobs, alike, lengths = {}, {}, {}
local function is_named(key) return string.sub(key, 1, #queue_prefix) == queue_prefix end
for i, key in ipairs(part[2]) do
  local count = redis.pcall('LLEN', is_named(key) and key or queue_prefix .. key)
  if type(count) == 'number' then
    jobs[i] = count
    local others = alike[count]
    if not others then lengths[#lengths + 1] = count end
    alike[count] = (others or 0) + 1
  end
end

-- There are few lengths, and many queues: those are put in order.
table.sort(lengths, function(a, b) return a > b end)
local found, least = 0, 0
for _, length in ipairs(lengths) do
  if found < most then least = length end
  found = found + alike[length]
end

local told = {part[1]}
for i, key in ipairs(part[2]) do
  if jobs[i] and jobs[i] >= least then
    told[#told + 1], told[#told + 2] = is_named(key) and string.sub(key, #queue_prefix + 1) or key, jobs[i]
  end
end
return told
