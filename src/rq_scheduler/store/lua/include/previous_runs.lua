-- How the runs of a schedule that were made before have gone on, in RQ's terms. Needs: overlap, runs, now_us.
local KEPT_RUNS = 20
local LOOK_EVERY, BELIEVED = 60 * 1000000, 5 * 1000000 -- us

local function words_of(text)
  local words = {}
  for word in string.gmatch(text or '', '%S+') do words[#words + 1] = word end
  return words
end

-- The status of a run, and its queue unless it has finished.
local runs_looked_at = 0
local function read_run(id)
  runs_looked_at = runs_looked_at + 1
  local key = prefix .. ':job:' .. id
  local status = redis.pcall('HGET', key, 'status')
  if type(status) ~= 'string' then return nil end
  return status, status ~= 'finished' and redis.call('HGET', key, 'origin')
end

-- Whether a moment (us) lies so little back; one to come was before a step back of the server's clock.
local function is_recent(at, us, span)
  local age = us - tonumber(at)
  return age >= 0 and age < span
end

-- What Python has found in the queues' lists, 'gone id ...' or 'there id ...', with the time.
local function dated(found) return (string.gsub(found, '^%l+', '%0 ' .. now_us)) end

-- The same, while it is to be believed: {found ('gone' or 'there'), ids (text)}.
local function liveness_check(text, us)
  local found, at, ids = string.match(text or '', '^(%l+) (%d+)( .*)$')
  if not found or not is_recent(at, us, BELIEVED) then return nil end
  return {found = found, ids = ids .. ' '}
end

-- What became of earlier runs (ids, oldest first): going (still), queued (of those), live (what is to be remembered: those, and what
-- came behind the first of them). Where the list is crowded, those that are over are not kept.
local function look_at_runs(ids, liveness, is_crowded)
  local going, queued, live = {}, {}, {}
  for _, id in ipairs(ids) do
    local status, queue = read_run(id)
    local found = liveness and string.find(liveness.ids, ' ' .. id .. ' ', 1, true) and liveness.found or ''
    if status and queue and is_run_going(id, status, queue, found) then
      going[#going + 1], live[#live + 1] = id, id
      if status == 'queued' then queued[#queued + 1] = id end
    elseif going[1] and not is_crowded then
      live[#live + 1] = id
    end
  end
  return going, queued, live
end

-- Which of the runs that were to make way are still going: whoever was to ask them may have died, or lost the reply.
local function still_going(ids)
  local found = {}
  for _, id in ipairs(ids) do
    local status, queue = read_run(id)
    if status and queue and is_run_going(id, status, queue, '') then found[#found + 1] = id end
  end
  return found
end
