-- Pauses a schedule that should not go on, with the reason as its note. Needs: schedule, prefix; check_revisions() before the first write.
local function pause_schedule(index, id, reason)
  redis.call('HSET', schedule_key(id), 'rev', redis.call('INCR', prefix .. ':scheduler:rev'), pause_fields(now_us, reason, '', '', ''))
  redis.call('ZADD', paused_schedules, 0, id)
  for _, set in ipairs({index, buffered_schedules, to_plan, unplanned}) do redis.call('ZREM', set, id) end
  redis.pcall('ZREM', expected, id) -- no fire depends on it
end
