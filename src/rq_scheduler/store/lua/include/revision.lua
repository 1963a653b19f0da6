-- The counter from which each revision comes. One that does not count has to end the script before its first write. Needs:
-- prefix.
local function check_revisions()
  local revisions = prefix .. ':scheduler:rev'
  local last = redis.call('GET', revisions)
  if last and not string.find(last, '^%d+$') then error('WRONGTYPE ' .. revisions .. ' holds no number: set it to one above every rev') end
end
