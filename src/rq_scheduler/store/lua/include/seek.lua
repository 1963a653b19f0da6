-- The rank behind an entry of an index, whether it is still there or not.
-- Entries of one score are ordered by id: halve the block of that score until the last id is found.
local function rank_behind(index, score, id)
  local low = redis.call('ZCOUNT', index, '-inf', '(' .. score)
  local high = low + redis.call('ZCOUNT', index, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', index, middle, middle)[1] <= id then low = middle + 1 else high = middle end
  end
  return low
end
