-- How late jobs are handed off, counted by kind (see counters), by minute and by powers of two: bucket 0 is under a millisecond, bucket b
-- under 2^b of them and no less than half of that. It only informs: what cannot be written here turns nothing that is done into an error.
-- Needs: prefix, clock.
local lateness = {jobs = {}}

function lateness.bucket(late_us)
  local _, exponent = math.frexp(math.max(late_us / 1000, 0))
  return math.max(exponent, 0)
end

function lateness.note(kind, bucket, jobs)
  local noted = lateness.jobs[kind]
  if not noted then
    noted = {}
    lateness.jobs[kind] = noted
  end
  noted[bucket] = (noted[bucket] or 0) + jobs
end

-- Notes entries i to j of an index, which are in the order of their scores; `first` and `last` are the buckets of those two, if known.
function lateness.note_span(kind, index, ids, i, j, first, last)
  local function bucket(at) return lateness.bucket(math.floor((now - redis.call('ZSCORE', index, ids[at])) * 1000000 + 0.5)) end
  first, last = first or bucket(i), last or bucket(j)
  if first == last then return lateness.note(kind, first, j - i + 1) end
  local middle = math.floor((i + j) / 2)
  lateness.note_span(kind, index, ids, i, middle, first, i == middle and first or nil)
  lateness.note_span(kind, index, ids, middle + 1, j, j == middle + 1 and last or nil, last)
end

-- Writes what was noted: last. Returns it for the dispatcher's own metrics, {kind, bucket, jobs, ...}.
function lateness.write()
  if not next(lateness.jobs) then return {} end
  local minute = math.floor(now / 60)
  local key = prefix .. ':scheduler:lateness:' .. math.floor(minute / 60)
  local all, list = {}, {}
  for kind, noted in pairs(lateness.jobs) do
    for bucket, jobs in pairs(noted) do
      all[bucket] = (all[bucket] or 0) + jobs
      list[#list + 1], list[#list + 2], list[#list + 3] = kind, bucket, jobs
    end
  end
  for bucket, jobs in pairs(all) do redis.pcall('HINCRBY', key, minute % 60 .. ' ' .. bucket, jobs) end
  redis.pcall('EXPIRE', key, 90000)
  return list
end
