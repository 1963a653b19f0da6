-- What a record says of the job that its runs are copies of, in one text: a fire has to read it, and many say the same.
-- `short`: the seconds of a result_ttl that is less than a minute.
local function runs_as(queue, timeout, ttl, at_front, slow, result_ttl)
  local seconds = tonumber(result_ttl or '')
  return cjson.encode({queue = queue, timeout = timeout or '', ttl = tonumber(ttl or '') and ttl or '',
    at_front = at_front == '1', slow = slow == '1', short = seconds and seconds >= 0 and seconds < 60 and seconds or nil})
end

local read_before = {}
local function read_runs_as(text)
  local job = read_before[text]
  if not job then
    local known, read = pcall(cjson.decode, text)
    job = known and type(read) == 'table' and type(read.queue) == 'string' and read or {}
    job.ttl, job.short = tonumber(job.ttl or ''), tonumber(job.short or '')
    read_before[text] = job
  end
  return job
end
