-- Writes what went wrong into the lines of failed runs.
--
-- KEYS[1]  every schedule (zset, id -> 0)
-- ARGV     1 prefix, then 5 for each: open run, cause, where the exception was raised, the last line of it, and its length among all but
--          the last failures, in bytes
-- returns  {lines that were written}
-- keeps    written again, it is the same; nothing of a deleted schedule is made anew
local prefix = ARGV[1]
-- @include clock
-- @include rq_queueing
-- @include overlap
-- @include schedule
-- @include runs_as
-- @include history
-- @include plan
-- @include open_runs
-- @include ends
-- @include run_lines
local WHOLE, LOOKED_THROUGH = 5, 100
local unread = prefix .. ':scheduler:unread_errors'
local FAILED = '^(%S+ %S+ %S+ %S+ %S+ f %S+ %S+ %S+ %S+) ?(%S*)(.*)$'

-- Of older failures, the beginning is kept.
local function shorten_older(key, bytes)
  local lines, failures = redis.pcall('LRANGE', key, 0, LOOKED_THROUGH - 1), 0
  for i, line in ipairs(lines.err and {} or lines) do
    local head, text = string.match(line, '^(%S+ %S+ %S+ %S+ %S+ f %S+ %S+ %S+ %S+ %S+ %S+ %S+ )(.+)$')
    if head then
      failures = failures + 1
      if failures > WHOLE and #text > bytes then redis.pcall('LSET', key, i - 1, head .. string.sub(text, 1, bytes)) end
    end
  end
end

local written = 0
for i = 2, #ARGV, 5 do
  local member, cause, place, text, shortest = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4])
  local run = ends.parse(member)
  local is_empty = cause == '-' and place == '-' and text == ''
  if redis.call('ZREM', unread, member) == 1 and run and not is_empty and ends.read_record(run) then
    local index, line = run_lines.place_of(run)
    local head, earlier = string.match(line or '', FAILED)
    if head then
      local words = {head, earlier == '' and '-' or earlier, cause, place, text ~= '' and text or nil}
      redis.pcall('LSET', history_key(run.schedule_id), index, table.concat(words, ' '))
      shorten_older(history_key(run.schedule_id), shortest)
      written = written + 1
    end
  end
end
return {written}
