-- What is counted for metrics: hand-offs by kind and queue, what did not run, how runs ended. Each field is written once a script, and last:
-- what cannot be counted turns nothing that is done into an error. Needs: prefix.
local counters = {}
do
  local MOST_QUEUES = 200 -- that are told apart: who makes a queue for each customer has a million
  local key = prefix .. ':scheduler:counters'
  local counted, handed_off = {}, {}

  function counters.add(field, number) counted[field] = (counted[field] or 0) + number end

  -- Kinds: one-off, recurring, scheduled, manual, backfill, rq.
  function counters.hand_off(kind, queue, number)
    local of_kind = handed_off[kind]
    if not of_kind then
      of_kind = {}
      handed_off[kind] = of_kind
    end
    of_kind[queue] = (of_kind[queue] or 0) + number
  end

  -- Whether a queue is one of those that are told apart; the first ones become that. Asked where a field is new.
  local function is_told_apart(queue)
    local field = 'queue:' .. queue
    if redis.pcall('HEXISTS', key, field) == 1 then return true end
    local known = redis.pcall('HGET', key, 'queues')
    if (type(known) == 'string' and tonumber(known) or 0) >= MOST_QUEUES then return false end
    redis.pcall('HSET', key, field, '')
    redis.pcall('HINCRBY', key, 'queues', 1)
    return true
  end

  local function count_hand_offs(kind, queues)
    local beginning, others = 'handed_off:' .. kind .. ':', 0
    for queue, number in pairs(queues) do
      local field = beginning .. queue
      if redis.pcall('HINCRBY', key, field, number) == number and not is_told_apart(queue) then
        redis.pcall('HDEL', key, field)
        others = others + number
      end
    end
    if others > 0 then redis.pcall('HINCRBY', key, 'handed_off_others:' .. kind, others) end
  end

  function counters.write()
    for kind, queues in pairs(handed_off) do count_hand_offs(kind, queues) end
    for field, number in pairs(counted) do redis.pcall('HINCRBY', key, field, number) end
    counted, handed_off = {}, {}
  end
end
