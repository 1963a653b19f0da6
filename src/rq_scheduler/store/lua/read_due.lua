-- Reads a page of schedules that are due, those that soon will be, and those that remember a run, with all that planning
-- needs.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 due and 3 id of the last one read in this pass, or '' and '', 4 limit, 5 seconds to look ahead, 6 due and
--          7 id of the last one read ahead, or '' and '', 8 limit of those
-- returns  {now in us, next due or next look at a remembered run, or '', due and id of the last one read when there may be more, or '' and '',
--          due {{rev, spec, armed, updated, bytes of the call, id, due}, ...}, ahead {{...}, ...}, remembering {{id, kind, bytes of the call}, ...}}
-- keeps    a read never writes
local prefix = ARGV[1]
local index = KEYS[1]
-- @include clock
-- @include schedule
-- @include seek
-- @include due_page
local page = read_page()
return answer_page(page, rows(page), #page / 2 == limit)
