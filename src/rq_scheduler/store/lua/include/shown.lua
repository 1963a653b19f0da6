-- What people are shown of a schedule, or of a recurring job of the 0.14 API. Needs: prefix, schedule.
local FIELDS = {'kind', 'spec', 'rev', 'version', 'created', 'updated', 'func', 'call', 'queue', 'owner', 'tags', 'note', 'paused',
  'armed', 'mark', 'runs', 'skipped', 'missed', 'last_run_at', 'last_run_id', 'manual', 'backfilled', 'repeat',
  'slow', 'buffered', 'size', 'runs_as', 'stopping', 'paused_at', 'paused_by', 'paused_until', 'paused_in_bulk', 'resumed_at',
  'by', 'ends', 'overdue_since', 'cannot_run'}
-- The places of some of them.
local KIND, SPEC, REV, VERSION, QUEUE, OWNER, TAGS, PAUSED, ARMED, MARK, LAST_RUN_ID = 1, 2, 3, 4, 9, 10, 11, 13, 14, 15, 20
local BUFFERED, RUNS_AS, STOPPING, PAUSED_AT, PAUSED_UNTIL, CANNOT_RUN = 25, 27, 28, 29, 31, 37

-- The values of FIELDS, false for each that there is not; has `err` where the key holds no hash.
local function read_record(id)
  return redis.pcall('HMGET', schedule_key(id), unpack(FIELDS))
end

-- All fields of a job hash, or none where the key holds no hash.
local function read_job(key)
  local job = redis.pcall('HGETALL', key)
  return job.err and {} or job
end

local function status_of(job_id)
  local status = job_id and redis.pcall('HGET', prefix .. ':job:' .. job_id, 'status')
  return type(status) == 'string' and status or ''
end

-- {due or '', status of the last run or '', values of FIELDS, job}
local function shown(id, record, job)
  local index, last_run = prefix .. ':scheduler:due_schedules', record[LAST_RUN_ID]
  if record[KIND] == 'job' then
    index, last_run = prefix .. ':scheduler:scheduled_jobs', id
  elseif record[KIND] and (record[ARMED] or '') == '' and redis.call('EXISTS', buffer_key(id)) == 1 then
    record[BUFFERED] = '1'
  end
  if record[KIND] == 'schedule' and record[PAUSED] == '1' and redis.call('EXISTS', template_key(id)) == 0 then
    record[CANNOT_RUN] = '1' -- what it calls is gone
  end
  return {redis.call('ZSCORE', index, id) or '', status_of(last_run), record, job}
end
