-- What stands in quarantine under an id. Needs: prefix, index (of entries that have a job hash), parked.
local held = prefix .. ':scheduler:quarantine'
local registries, runs_via_rq = prefix .. ':scheduled:', prefix .. ':scheduler:via_rq'

-- Its record, with `registry` when RQ's own scheduler had it; nil when it is no record of ours. Anybody may have written it, so it names
-- no key but those that it may.
local function held_record(text)
  local ok, record = pcall(cjson.decode, text)
  if not ok or type(record) ~= 'table' or type(record.due) ~= 'string' or not tonumber(record.due) then return nil end
  if tonumber(record.due) ~= tonumber(record.due) then return nil end
  if record.index == index or record.index == runs_via_rq then return record end
  if type(record.index) == 'string' and string.sub(record.index, 1, #registries) == registries then
    record.registry = record.index
    return record
  end
end

-- Where its id is pending again, or nil.
local function pending_in(id, record)
  if redis.call('ZSCORE', index, id) or redis.call('ZSCORE', prefix .. ':scheduler:buffered', id) then return index end
  if redis.call('ZSCORE', runs_via_rq, id) then return runs_via_rq end
  if due_of_parked(id) then return parked_due end
  local origin = redis.pcall('HGET', prefix .. ':job:' .. id, 'origin')
  for _, registry in ipairs({record.registry or false, type(origin) == 'string' and registries .. origin or false}) do
    if registry and type(redis.pcall('ZSCORE', registry, id)) == 'string' then return registry end
  end
end
