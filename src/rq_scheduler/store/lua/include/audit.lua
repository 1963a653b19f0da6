-- The stream of what people and programs did. It only informs: a script writes it last, and what cannot be written here turns nothing
-- that is done into an error. Needs: prefix, clock.
local AUDIT_LENGTH = 100000 -- about: Redis trims whole nodes

-- `action`: one of store/audit.py; `id`: the schedule's, or the job's; then names and values of what else is known.
local function audit(action, id, actor, ...)
  local key = prefix .. ':scheduler:audit'
  redis.pcall('XADD', key, 'MAXLEN', '~', AUDIT_LENGTH, stream_id(key), 'action', action, 'id', id, 'actor', actor, ...)
end
