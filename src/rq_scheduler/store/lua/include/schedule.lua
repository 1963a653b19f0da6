-- What the scripts that touch schedules share: their keys, and the sets that list them. Needs: prefix.
local function schedule_key(id) return prefix .. ':scheduler:schedule:' .. id end
local function template_key(id) return prefix .. ':scheduler:template:' .. id end
local function buffer_key(id) return prefix .. ':scheduler:buffer:' .. id end
local function history_key(id) return prefix .. ':scheduler:history:' .. id end
local function tombstone_key(id) return prefix .. ':scheduler:tombstone:' .. id end
local schedules = prefix .. ':scheduler:schedules'
local paused_schedules = schedules .. ':paused'
local buffered_schedules = prefix .. ':scheduler:buffered'
local to_plan = prefix .. ':scheduler:to_plan'
local unplanned = prefix .. ':scheduler:unplanned'
local expected = prefix .. ':scheduler:expected'
local pause_ends = prefix .. ':scheduler:pause_ends'

-- Microseconds as a score.
local function score_of(us) return string.format('%.6f', tonumber(us) / 1000000) end

-- The sets beside that of all schedules that list one with this owner, queue and tags (one a line).
local function lists_of(owner, queue, tags)
  local lists = {}
  if owner and owner ~= '' then lists[#lists + 1] = schedules .. ':owner:' .. owner end
  if queue and queue ~= '' then lists[#lists + 1] = schedules .. ':queue:' .. queue end
  for tag in string.gmatch(tags or '', '[^\n]+') do lists[#lists + 1] = schedules .. ':tag:' .. tag end
  return lists
end

-- What a record says of a pause from `at` on (us): why, by whom ('' when it was no person), when it ends by itself (us, or '' for
-- never), and whether many were paused together ('1', else '').
local function pause_fields(at, note, by, ends, in_bulk)
  return 'paused', '1', 'note', note, 'paused_at', at, 'paused_by', by, 'paused_until', ends, 'paused_in_bulk', in_bulk
end

-- Whether a job, and no schedule, is in quarantine under the id.
local function is_held_elsewhere(id)
  local known, held = pcall(cjson.decode, redis.call('HGET', prefix .. ':scheduler:quarantine', id) or '')
  local index = known and type(held) == 'table' and held.index
  return index and index ~= prefix .. ':scheduler:due_schedules'
end

-- A schedule that is mended, or deleted, leaves the quarantine. An earlier job of its id does not.
local function leave_quarantine(id)
  if not is_held_elsewhere(id) then redis.call('HDEL', prefix .. ':scheduler:quarantine', id) end
end
