-- Reads a page of the schedules that run next, in the order of a list that is never ahead of them: no entry of it is scored
-- later than its schedule is due. An index is such a list of itself. That of the recurring jobs of the 0.14 API follows the
-- index, and lags behind it where another hand has moved an entry; the first page looks for those that were moved to the front.
--
-- KEYS[1]  the list (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 index with the due times (zset, id -> unix seconds), 3 score and 4 id of the last one read, or '' and '',
--          5 limit
-- returns  {{id, due, ...} of those moved to the front, {id, score in the list, due or '', ...}}
-- keeps    a read never writes
local index, dues, last_score, last_id, limit = KEYS[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local MOVED = 300 -- entries at the front of the index among which those are looked for
-- @include seek

local function moved()
  local found, entries, ids = {}, redis.call('ZRANGE', dues, 0, MOVED - 1, 'WITHSCORES'), {}
  for i = 1, #entries, 2 do ids[#ids + 1] = entries[i] end
  local scores = #ids == 0 and {} or redis.call('ZMSCORE', index, unpack(ids))
  for i, score in ipairs(scores) do
    if score and tonumber(score) > tonumber(entries[2 * i]) then
      found[#found + 1] = ids[i]
      found[#found + 1] = entries[2 * i]
    end
  end
  return found
end

local is_first = last_score == ''
local from = is_first and 0 or rank_behind(index, last_score, last_id)
local entries, ids, page = redis.call('ZRANGE', index, from, from + limit - 1, 'WITHSCORES'), {}, {}
for i = 1, #entries, 2 do ids[#ids + 1] = entries[i] end
local due = #ids == 0 and {} or redis.call('ZMSCORE', dues, unpack(ids))
for i, id in ipairs(ids) do
  page[3 * i - 2], page[3 * i - 1], page[3 * i] = id, entries[2 * i], due[i] or ''
end
return {is_first and index ~= dues and #page > 0 and moved() or {}, page}
