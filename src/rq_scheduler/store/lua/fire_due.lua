-- Reads a page of schedules that are due, as read_due does, and at once fires those whose fire is plain by a plan that the
-- dispatcher has made for others of the same definition and instant: nobody else can serve them in between, and Python never
-- sees them. The others are left to it.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 due and 3 id of the last one read in this pass, or '' and '', 4 limit, 5 seconds to look ahead, 6 due and
--          7 id of the last one read ahead, or '' and '', 8 limit of those,
--          9 fence key or '', 10 fence token, 11 fence ttl in ms, 12 RQ's default timeout, 13 most fires, with which
--          the page ends, 14 most bytes of calls, which the runs are copies of, 15 plans (MessagePack) of one run each, with another to come, and nothing
--          to be counted or remembered: {definition, armed ("nominal:due" in us), overlap, due, not before (us), valid until (us or
--          nil), nominal and due of the run (us), what its job id ends with, next due, armed then}
-- returns  as read_due, of what is left; behind that {number of the plan, queue, number of runs, ...}
--          or {'fenced', now in us, holder, ttl in ms}
-- keeps    each (schedule, nominal time) is handed off at most once
local prefix, fence_key, fence_token, fence_ttl = ARGV[1], ARGV[9], ARGV[10], ARGV[11]
local default_timeout, most_fires, most_bytes, all_slow = ARGV[12], tonumber(ARGV[13]), tonumber(ARGV[14]), false
local index = KEYS[1]
-- @include clock
-- @include fence
-- @include rq_queueing
-- @include overlap
-- @include schedule
-- @include seek
-- @include runs_as
-- @include runs
-- @include firing
-- @include plain_fires
-- @include due_page

local SPEC, ARMED, UPDATED, SIZE = RUNS_AS + 1, RUNS_AS + 2, RUNS_AS + 3, RUNS_AS + 4
local NO_PLANS = {}

local plans_of = {} -- by definition and instant
for number, terms in ipairs(cmsgpack.unpack(ARGV[15])) do
  local spec, was, overlap, due, not_before, valid_until, nominal, named, ending, next, armed = unpack(terms, 1, 11)
  if not untimely(not_before, valid_until) then
    local plan = {number = number, overlap = overlap, due = due, next = next, armed = armed, instant = tonumber(nominal)}
    share(plan, nominal, named, ending)
    plans_of[spec] = plans_of[spec] or {}
    plans_of[spec][was] = plan
  end
end

-- A definition that is newer than the instant does not share the plan: it has not missed what was before it.
local bytes, left = 0, {}
local function look_at(id, score)
  local key = schedule_key(id)
  local record = read_state(key, 'spec', 'armed', 'updated', 'size')
  local plan = (plans_of[record[SPEC]] or NO_PLANS)[record[ARMED]]
  local updated = plan and tonumber(record[UPDATED] or '')
  if updated and updated <= plan.instant and is_due(plan, score) then
    bytes = bytes + count(record[SIZE])
    if bytes <= most_bytes and add_plain(id, key, plan, record) then return end
  end
  left[#left + 1] = {record[REV] or false, record[SPEC] or false, record[ARMED] or false, record[UPDATED] or false,
    record[SIZE] or false, id, score}
end

local page, seen = read_page(), 0
while page[seen + 1] and #plain_fires < most_fires do
  look_at(page[seen + 1], page[seen + 2])
  seen = seen + 2
end
local more = seen < #page or #page / 2 == limit
for i = #page, seen + 1, -1 do page[i] = nil end
local made, refused = make_plain()
advance_plain(made)
for _, fire in ipairs(refused) do left[#left + 1] = row_of(fire[FIRE_ID], fire[FIRE_PLAN].score) end

local fired, counts = {}, {}
for _, fire in ipairs(made) do
  local queue, number = fire[FIRE_JOB].queue, fire[FIRE_PLAN].number
  local of_queue = counts[queue] or {}
  counts[queue], of_queue[number] = of_queue, (of_queue[number] or 0) + 1
end
for queue, of_queue in pairs(counts) do
  for number, runs in pairs(of_queue) do
    fired[#fired + 1], fired[#fired + 2], fired[#fired + 3] = number, queue, runs
  end
end
local answer = answer_page(page, left, more)
answer[8] = fired
return answer
