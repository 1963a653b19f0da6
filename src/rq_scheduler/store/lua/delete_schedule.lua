-- Deletes a schedule and all that is kept of it. Runs that were handed off stay.
--
-- KEYS[1]  schedules that are armed (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 id, 3 owner that it has to have, or '*', 4 seconds for which it is remembered how far it had come,
--          5 who deletes it, 6 seconds for which its definitions are kept
-- returns  {'ok'}; with nothing written {'unknown'}, {'job'} (a recurring job of the 0.14 API), {'changed'} (another owner)
-- keeps    one put again under the id hands off no instant a second time
local prefix, id, owner, remembered_for, actor, versions_for = unpack(ARGV)
-- @include clock
-- @include schedule
-- @include versions
-- @include audit
local record = redis.pcall('HMGET', schedule_key(id), 'kind', 'owner', 'queue', 'tags', 'mark', 'backfilled', 'manual', 'func')
if record.err or not record[1] then return {'unknown'} end
if record[1] ~= 'schedule' then return {'job'} end
if owner ~= '*' and record[2] ~= owner then return {'changed'} end
local lists = lists_of(record[2], record[3], record[4])
for _, list in ipairs({schedules, paused_schedules, buffered_schedules, to_plan, unplanned, pause_ends, expected, KEYS[1]}) do lists[#lists + 1] = list end
for _, what in ipairs({'failing', 'late', 'running'}) do lists[#lists + 1] = schedules .. ':' .. what end
-- A key of a wrong type has to end the script before its first write.
for _, list in ipairs(lists) do redis.call('ZCARD', list) end
redis.call('HLEN', prefix .. ':scheduler:quarantine')
local version = version_of(id, now_us)
redis.call('HSET', tombstone_key(id), 'mark', record[5] or '', 'backfilled', record[6] or '', 'manual', record[7] or '0')
redis.call('EXPIRE', tombstone_key(id), remembered_for)
for _, list in ipairs(lists) do redis.call('ZREM', list, id) end
leave_quarantine(id)
redis.call('DEL', schedule_key(id), template_key(id), buffer_key(id), history_key(id))
keep_version(id, version)
keep_deleted(id, versions_for)
audit('deleted', id, actor, 'version', version[1], 'func', record[8] or '')
return {'ok'}
