-- Takes an entry that nothing can serve out of the index and keeps it, with a reason that a person can read.
-- Needs: prefix, now_us.
local function quarantine(index, id, score, reason, queue)
  redis.call('HSET', prefix .. ':scheduler:quarantine', id, cjson.encode({
    reason = reason, at = now_us, due = score, index = index, queue = queue or cjson.null,
  }))
  redis.call('ZREM', index, id)
end
