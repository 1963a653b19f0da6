-- What a record says of the job that its runs are copies of, in one text: a fire has to read it, and many say the same.
local function runs_as(queue, timeout, ttl, at_front, slow)
  return cjson.encode({queue = queue, timeout = timeout or '', ttl = tonumber(ttl or '') and ttl or '',
    at_front = at_front == '1', slow = slow == '1'})
end

local read_before = {}
local function read_runs_as(text)
  local job = read_before[text]
  if not job then
    local known, read = pcall(cjson.decode, text)
    job = known and type(read) == 'table' and type(read.queue) == 'string' and read or {}
    job.ttl = tonumber(job.ttl or '')
    read_before[text] = job
  end
  return job
end
