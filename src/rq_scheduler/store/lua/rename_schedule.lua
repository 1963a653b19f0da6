-- Gives a schedule another id. All that is kept of it goes along; its earlier runs keep their job ids.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 rev as read, 4 its new id, 5 seconds for which it is remembered how far the old id had come,
--          6 who renames it
-- returns  {'ok'}; with nothing written {'changed'}: no longer what was read; {'taken'}: something has the new id, or the old one is
--          in quarantine
-- keeps    what was planned for the old id does not fire, no instant fires under both, and what a deleted schedule of the new id
--          has handed off is not handed off again
local prefix, id, rev, new_id, remembered_for, actor = unpack(ARGV)
-- @include clock
-- @include schedule
-- @include revision
-- @include parked
-- @include versions
-- @include audit
local KEPT = {schedule_key, template_key, buffer_key, history_key}
local quarantined, scheduled_jobs = prefix .. ':scheduler:quarantine', prefix .. ':scheduler:scheduled_jobs'
check_revisions()
local this_rename = id .. ':' .. rev
if redis.pcall('HGET', schedule_key(new_id), 'renamed') == this_rename then return {'ok'} end -- sent again
local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'rev', 'owner', 'queue', 'tags', 'mark', 'backfilled', 'manual', 'former_ids')
if record.err or record[1] ~= 'schedule' or record[2] ~= rev then return {'changed'} end
for _, key in ipairs(KEPT) do
  if redis.call('EXISTS', key(new_id)) == 1 then return {'taken'} end
end
if redis.call('ZSCORE', scheduled_jobs, new_id) or due_of_parked(new_id) or redis.call('HEXISTS', quarantined, new_id) == 1
    or redis.call('HEXISTS', quarantined, id) == 1 then
  return {'taken'}
end
local left = redis.pcall('HMGET', tombstone_key(new_id), 'mark', 'backfilled', 'manual')
if left.err then return {'taken'} end
local lists = lists_of(record[3], record[4], record[5])
for _, list in ipairs({schedules, paused_schedules, buffered_schedules, to_plan, unplanned, pause_ends, expected, KEYS[1]}) do lists[#lists + 1] = list end
for _, what in ipairs({'failing', 'late', 'running'}) do lists[#lists + 1] = schedules .. ':' .. what end
for _, list in ipairs(lists) do redis.call('ZCARD', list) end -- a key of a wrong type has to end the script before its first write

-- How far the two had come, together; stretches may overlap.
local function farther(one, other)
  return (tonumber(other or '') or -math.huge) > (tonumber(one or '') or -math.huge) and other or one or ''
end
local backfilled = (record[7] or '') .. ' ' .. (left[2] or '')

redis.call('HSET', schedule_key(id), 'rev', redis.call('INCR', prefix .. ':scheduler:rev'), 'renamed', this_rename)
redis.call('HSET', tombstone_key(id), 'mark', record[6] or '', 'backfilled', record[7] or '', 'manual', record[8] or '0',
  'renamed_to', new_id) -- its open runs bear the old id
redis.call('EXPIRE', tombstone_key(id), remembered_for)
redis.call('HSET', schedule_key(id), 'mark', farther(record[6], left[1]), 'manual', farther(record[8], left[3]),
  'backfilled', string.match(backfilled, '^ *(.-) *$'), 'former_ids', (record[9] and record[9] .. ' ' or '') .. id .. ' ' .. now_us)
redis.call('DEL', tombstone_key(new_id))
for _, list in ipairs(lists) do
  local score = redis.call('ZSCORE', list, id)
  if score then
    redis.call('ZADD', list, score, new_id)
    redis.call('ZREM', list, id)
  end
end
for _, key in ipairs(KEPT) do
  if redis.call('EXISTS', key(id)) == 1 then redis.call('RENAME', key(id), key(new_id)) end
end
redis.call('DEL', versions_key(new_id))
if redis.call('EXISTS', versions_key(id)) == 1 then redis.call('RENAME', versions_key(id), versions_key(new_id)) end
audit('renamed', new_id, actor, 'from', id)
return {'ok'}
