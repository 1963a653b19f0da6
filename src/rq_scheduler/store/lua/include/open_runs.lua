-- Runs that are followed to their end, and the numbers by which histories name workers and dispatchers. Needs: prefix, now, now_us.
local open_runs = {key = prefix .. ':scheduler:open_runs', new_key = prefix .. ':scheduler:new_runs', entries = {}}
do

  -- A run of a schedule as it stands there, handed off at that moment (us).
  function open_runs.member(id, at, job_id) return id .. ' ' .. at .. ' ' .. string.sub(job_id, #id + 1) end

  local first_look = string.format('%.6f', now + 1)

  -- Has the next look at a run made so many seconds from now, to an eighth: many share a moment.
  local scores = {}
  function open_runs.look_later(member, wait)
    local eighths = math.floor(wait * 8 + 0.5)
    local score = scores[eighths]
    if not score then
      score = string.format('%.6f', now + eighths / 8)
      scores[eighths] = score
    end
    local entries = open_runs.entries
    local length = #entries
    entries[length + 1], entries[length + 2] = score, member
  end

  -- Has a run that is handed off now followed.
  function open_runs.add(id, job_id)
    local entries = open_runs.entries
    local length = #entries
    entries[length + 1], entries[length + 2] = first_look, open_runs.member(id, now_us, job_id)
  end

  -- The same for one whose end no fire asks for before the first look: all of a script are one entry until then.
  local new, length = {}, 0
  function open_runs.add_new(id, ending)
    new[length + 1], new[length + 2] = id, ending
    length = length + 2
  end

  -- Writes those, in two commands at most. Protected: whether a run is followed turns nothing that is done into an error.
  function open_runs.write()
    local entries = open_runs.entries
    if new[1] then redis.pcall('ZADD', open_runs.new_key, first_look, now_us .. ' ' .. table.concat(new, ' ')) end
    for first = 1, #entries, 1000 do
      redis.pcall('ZADD', open_runs.key, unpack(entries, first, math.min(first + 999, #entries)))
    end
    open_runs.entries, new, length = {}, {}, 0
  end

  local MOST_NAMES = 10000
  local numbers = {}

  -- The number of a name, '-' for none; a new name gets the next one. Only the last names are kept.
  function open_runs.number_of(name)
    if not name or name == '' then return '-' end
    local number = numbers[name]
    if number then return number end
    local key = prefix .. ':scheduler:names'
    number = redis.pcall('ZSCORE', key, name)
    if type(number) ~= 'string' then
      local last = redis.pcall('ZRANGE', key, -1, -1, 'WITHSCORES')
      number = string.format('%d', (tonumber(last[2] or '') or 0) + 1)
      redis.pcall('ZADD', key, number, name)
      redis.pcall('ZREMRANGEBYSCORE', key, '-inf', number - MOST_NAMES)
    end
    numbers[name] = number
    return number
  end
end
