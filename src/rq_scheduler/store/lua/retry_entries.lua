-- Puts entries in quarantine back into the index that each came from, with the due time that it had there.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 prefix, 2 who retries them, then for each entry: id, '1' to bring its kept record back, '0' to have it adopted anew from its job
-- returns  {outcome, detail, ...} in the order given; outcomes: ok, unknown (nothing is in quarantine under the id); with nothing
--          written: refused (detail: why)
-- keeps    nothing is lost between quarantine and index; what is pending again, or something else by now, stays as it is
local prefix, actor = ARGV[1], ARGV[2]
local index = KEYS[1]
-- @include clock
-- @include recurring
-- @include keeping
-- @include revision
-- @include entry
-- @include parked
-- @include held
-- @include wake
-- @include audit
check_revisions()

local function refusal(id, record)
  if not record then return 'its record in quarantine is not ours, and does not say where it came from' end
  if pending_in(id, record) then return 'its id is pending again, as something newer' end
  local kind = redis.pcall('HGET', schedule_key(id), 'kind')
  if kind then return 'the key ' .. schedule_key(id) .. ' is in use: the id belongs to something newer' end
  local entry = read_entry(id)
  if entry.kind == 'broken' then return entry.reason end
  if not record.recurs and entry.status ~= 'scheduled' then
    return 'its job is ' .. (filled(entry.status) and entry.status or 'without a status') .. ' by now, not scheduled'
  end
  if record.recurs and is_another_job(id) then return 'its job is another by now: the id belongs to something newer' end
  if record.registry then
    local type = redis.call('TYPE', record.registry).ok
    if type ~= 'zset' and type ~= 'none' then return 'the key ' .. record.registry .. ' is no registry of RQ' end
  end
  record.queue = entry.origin
end

-- The index first: a full server refuses that, and nothing is done.
local function put_back(id, record, whole)
  local score = record.due
  -- RQ's registries hold back what was long overdue when a dispatcher took them on: not this.
  if record.registry and tonumber(score) < now then score = now_score end
  redis.call('ZADD', record.index, score, id)
  if record.recurs and redis.pcall('HGET', kept_key(id), 'kind') == 'job' and whole then bring_back(id, record.queue or '', score) end
  redis.call('DEL', kept_key(id))
  redis.call('HDEL', held, id)
  if not record.registry then wake_if_first(tonumber(score)) end
  audit('retried', id, actor)
end

local reply = {}
for i = 3, #ARGV, 2 do
  local id, text = ARGV[i], redis.call('HGET', held, ARGV[i])
  local outcome, detail = 'unknown', ''
  if text then
    local record = held_record(text)
    local refused = refusal(id, record)
    outcome, detail = refused and 'refused' or 'ok', refused or ''
    if not refused then put_back(id, record, ARGV[i + 1] == '1') end
  end
  reply[#reply + 1] = outcome
  reply[#reply + 1] = detail
end
return reply
