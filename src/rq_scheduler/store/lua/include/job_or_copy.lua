-- The job hash of an entry, or the copy in its record when it has expired between two runs. Needs: prefix.
local function job_or_copy(id)
  local fields = redis.pcall('HGETALL', prefix .. ':job:' .. id)
  if fields.err then return {} end
  if #fields > 0 then return fields end
  local record = redis.pcall('HMGET', prefix .. ':scheduler:schedule:' .. id, 'template', 'meta')
  if record.err or not record[1] then return {} end
  return cmsgpack.unpack(record[1])
end
