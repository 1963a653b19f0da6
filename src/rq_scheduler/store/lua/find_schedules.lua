-- Finds ids of schedules that are in all of several lists, in order, from behind one id on; looks at a bounded number of
-- them.
--
-- KEYS[1]  every schedule (zset, id -> 0)
-- ARGV     1 prefix, 2 what the ids begin with, or '', 3 id to go on behind, or '', 4 ids to pass over, 5 limit, 6 '1' for paused ones
--          only, '0' for the others only, or '', then lists that they have to be in
-- returns  {id to go on behind, or '' at the end, ids still to be passed over, id, ...}
-- keeps    a read never writes
local prefix, starts_with, behind, offset, limit, paused = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
-- @include schedule
local LOOKUPS, CHUNK = 3000, 500
local lists = {}
for i = 7, #ARGV do lists[#lists + 1] = ARGV[i] end
if paused == '1' then lists[#lists + 1] = paused_schedules end
if #lists == 0 then lists[1] = KEYS[1] end
table.sort(lists, function(a, b) return redis.call('ZCARD', a) < redis.call('ZCARD', b) end)
local smallest = table.remove(lists, 1)

-- By rank, which Redis finds at once however far behind it is. Ids are ASCII, so that "one byte more" closes a prefix.
local function ids_before(bound) return redis.call('ZLEXCOUNT', smallest, '-', bound) end
local first = behind ~= '' and ids_before('[' .. behind) or starts_with ~= '' and ids_before('(' .. starts_with) or 0
local stop = starts_with ~= '' and ids_before('(' .. starts_with .. '\255') or redis.call('ZCARD', smallest)
local function ids_from(rank, number)
  local last = math.min(rank + number, stop) - 1
  return last < rank and {} or redis.call('ZRANGE', smallest, rank, last)
end

if #lists == 0 and paused ~= '0' then
  local found = ids_from(first + offset, limit)
  return {first + offset + #found < stop and found[#found] or '', 0, unpack(found)}
end

-- Which of `ids` from `first` to `last` are missing in one of the lists, or paused where only others are wanted.
local function unwanted_among(ids, first, last)
  local unwanted = {}
  local function look_in(list, has_to_be_there)
    local scores = redis.call('ZMSCORE', list, unpack(ids, first, last))
    for i = 1, last - first + 1 do
      if (scores[i] ~= false) ~= has_to_be_there then unwanted[ids[first + i - 1]] = true end
    end
  end
  for _, list in ipairs(lists) do look_in(list, true) end
  if paused == '0' then look_in(paused_schedules, false) end
  return unwanted
end

local looked_at = math.floor(LOOKUPS / (#lists + (paused == '0' and 1 or 0)))
local ids = ids_from(first, looked_at)
local found, last = {}, ''
for from = 1, #ids, CHUNK do
  local upto = math.min(from + CHUNK - 1, #ids)
  local unwanted = unwanted_among(ids, from, upto)
  for i = from, upto do
    last = ids[i]
    if not unwanted[last] then
      if offset > 0 then offset = offset - 1 else found[#found + 1] = last end
    end
    if #found == limit then break end
  end
  if #found == limit then break end
end
local at_end = first + #ids >= stop and last == (ids[#ids] or '')
return {at_end and '' or last, offset, unpack(found)}
