-- Runs that RQ itself has to enqueue (dependencies, a rate limit, a queue class): they wait for a dispatcher, which lets RQ's own code do
-- that. Their jobs are there, with the status 'scheduled'. Needs: prefix, now_score, call_in_chunks (rq_queueing).
local via_rq = prefix .. ':scheduler:via_rq'

-- Has these runs wait for it, and wakes the dispatchers.
local function wait_for_rq(ids)
  if #ids == 0 then return end
  local entries = {}
  for _, id in ipairs(ids) do entries[#entries + 1], entries[#entries + 2] = now_score, id end
  call_in_chunks('ZADD', via_rq, entries)
  redis.pcall('PUBLISH', prefix .. ':scheduler:wakeup', now_score)
end
