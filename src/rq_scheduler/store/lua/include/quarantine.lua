-- Why an id of 0.14's days cannot be served, and what to do. A command is offered only for ids that are harmless in a shell.
local function refused_id(id, score)
  if not string.find(id, '^[%w_.:@-]+$') then
    return 'the installed RQ refuses its id: schedule it anew under one of letters, digits, _ and -, and purge this entry'
  end
  local renamed = string.gsub(id, '[^%w_-]', '-')
  return "the installed RQ refuses its id; once it is renamed, purge this entry; to rename it: redis-cli RENAME '" .. prefix ..
    ':job:' .. id .. "' '" .. prefix .. ':job:' .. renamed .. "' && redis-cli ZADD " .. prefix ..
    ':scheduler:scheduled_jobs' .. ' ' .. score .. ' ' .. renamed
end

-- A key of a wrong type has to end the script before its first write: once a script, when there is something to keep.
local function check_quarantine() redis.call('HLEN', prefix .. ':scheduler:quarantine') end

-- Takes an entry that nothing can serve out of the index and keeps it, with a reason that a person can read.
-- `recurs`: it is a recurring job of the 0.14 API. Needs: prefix, clock, events, counters, check_quarantine() before
-- the first write.
local function quarantine(index, id, score, reason, queue, recurs)
  redis.call('HSET', prefix .. ':scheduler:quarantine', id, cjson.encode({
    reason = reason, at = now_us, due = score, index = index, queue = queue or cjson.null, recurs = recurs or nil,
  }))
  redis.call('ZREM', index, id)
  tell('quarantined', id, 'reason', reason, 'queue', queue or '')
  counters.add('not_run:quarantined', 1)
end
