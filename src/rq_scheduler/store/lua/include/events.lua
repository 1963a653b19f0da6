-- The stream of what happened. It only informs: a script writes it last, and what cannot be written here turns nothing that is done
-- into an error. Needs: prefix, clock.
local EVENTS_LENGTH = 100000 -- about: Redis trims whole nodes

-- `kind`: one of store/events.py; `id`: of what it happened to; then names and values of what else is known.
local function tell(kind, id, ...)
  local key = prefix .. ':scheduler:events'
  redis.pcall('XADD', key, 'MAXLEN', '~', EVENTS_LENGTH, stream_id(key), 'kind', kind, 'id', id, ...)
end
