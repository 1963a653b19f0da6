-- A recurring job of the 0.14 API in quarantine: its record is kept beside, so that a retry brings the recurrence back as
-- it was. Needs: prefix, recurring.
local function kept_key(id) return prefix .. ':scheduler:quarantine:' .. id end

-- Its job is kept too: it may be about to expire, or live in the record's copy alone.
local function keep_job(id, record)
  local key, copy = prefix .. ':job:' .. id, redis.call('HMGET', record, 'template', 'last_meta', 'meta')
  if redis.call('EXISTS', key) == 1 then
    redis.call('PERSIST', key)
  elseif copy[1] then
    local fields = cmsgpack.unpack(copy[1])
    for i = 1, #fields, 2 do redis.call('HSET', key, fields[i], fields[i + 1]) end
    redis.call('HSET', key, 'status', 'scheduled', 'meta', copy[2] or copy[3] or '')
  end
end

-- What stands under the record's key and is no such record stays where it is.
local function keep_schedule(id)
  redis.call('DEL', kept_key(id))
  if redis.pcall('HGET', schedule_key(id), 'kind') ~= 'job' then return end
  keep_job(id, schedule_key(id))
  unlist_schedule(id)
  redis.call('RENAME', schedule_key(id), kept_key(id))
  redis.call('DEL', prefix .. ':scheduler:history:' .. id)
  for _, set in ipairs({prefix .. ':scheduler:buffered', prefix .. ':scheduler:to_plan', prefix .. ':scheduler:unplanned'}) do
    redis.call('ZREM', set, id)
  end
end

-- Whether the job under the id is not the one that the kept record was made of.
local function is_another_job(id)
  local made = redis.pcall('HGET', kept_key(id), 'created_at')
  return type(made) == 'string' and made ~= '' and made ~= redis.pcall('HGET', prefix .. ':job:' .. id, 'created_at')
end

local function bring_back(id, queue, score)
  redis.call('RENAME', kept_key(id), schedule_key(id))
  redis.call('HSET', schedule_key(id), 'rev', redis.call('INCR', prefix .. ':scheduler:rev'))
  list_schedule(id, queue, score)
  have_planned(id, score)
end
