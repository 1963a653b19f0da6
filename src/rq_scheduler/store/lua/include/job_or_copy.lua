-- The job hash of an entry, or the copy in its record when it has expired between two runs. Needs: prefix.
local function job_or_copy(id)
  local fields = redis.pcall('HGETALL', prefix .. ':job:' .. id)
  if fields.err then return {} end
  if #fields > 0 then return fields end
  local record = redis.pcall('HMGET', prefix .. ':scheduler:schedule:' .. id, 'template', 'meta', 'last_meta')
  if record.err or not record[1] then return {} end
  local copy = cmsgpack.unpack(record[1])
  copy[#copy + 1] = 'meta' -- counts on in the record; the later field wins
  copy[#copy + 1] = record[3] or record[2] or ''
  return copy
end
