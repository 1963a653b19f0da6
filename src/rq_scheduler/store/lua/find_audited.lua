-- Finds what a page of the audit says of some schedules or jobs.
--
-- KEYS[1]  the audit (stream)
-- ARGV     1 prefix, 2 newest and 3 oldest place, as XREVRANGE takes them, 4 entries of the page, then ids
-- returns  {entries of the page, place of the last one or '', {the entries of those ids, newest first}}
-- keeps    a read never writes
local newest, oldest, count = ARGV[2], ARGV[3], ARGV[4]
local wanted, found = {}, {}
for i = 5, #ARGV do wanted[ARGV[i]] = true end

local function is_wanted(fields)
  for i = 1, #fields, 2 do
    if fields[i] == 'id' then return wanted[fields[i + 1]] end
  end
end

local page = redis.call('XREVRANGE', KEYS[1], newest, oldest, 'COUNT', count)
for _, entry in ipairs(page) do
  if is_wanted(entry[2]) then found[#found + 1] = entry end
end
return {#page, #page > 0 and page[#page][1] or '', found}
