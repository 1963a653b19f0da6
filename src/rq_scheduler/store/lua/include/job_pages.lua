-- Entries of the index and parked ones, in one order: by due time, then by id. Nearly always nothing is parked. Needs: seek, parked.

-- The ranks, in the index and among those that are parked, that `offset` entries of both come before.
local function ranks_at(index, offset)
  local low, high = 0, redis.call('ZCARD', parked_due)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('ZRANGE', parked_due, middle, middle, 'WITHSCORES')
    if rank_behind(index, entry[2], entry[1]) + middle < offset then low = middle + 1 else high = middle end
  end
  return offset - low, low
end

local function comes_first(one, other)
  local due, other_due = tonumber(one[2]), tonumber(other[2])
  return due < other_due or due == other_due and one[1] <= other[1]
end

-- {{id, due, is it parked}, ...} of both, from these ranks on.
local function merged(index, rank, parked_rank, limit)
  local lists, page = {{}, {}}, {}
  for n, key in ipairs({index, parked_due}) do
    local start = n == 1 and rank or parked_rank
    local flat = redis.call('ZRANGE', key, start, start + limit - 1, 'WITHSCORES')
    for i = 1, #flat, 2 do lists[n][#lists[n] + 1] = {flat[i], flat[i + 1], n == 2} end
  end
  local pending, waiting = 1, 1
  while #page < limit and (lists[1][pending] or lists[2][waiting]) do
    local one, other = lists[1][pending], lists[2][waiting]
    if not other or one and comes_first(one, other) then
      page[#page + 1], pending = one, pending + 1
    else
      page[#page + 1], waiting = other, waiting + 1
    end
  end
  return page
end
