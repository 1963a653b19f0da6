-- Reads the plan of a schedule: its next instants as Python has written them, 'nominal:due nominal:due ...' in microseconds, with '-' at
-- the end if there are no others. And the policy that a fire has to know. Needs: utc (rq_queueing).
local OVERLAPS = {skip = 0, allow = 0, replace = 0, buffer_one = 1, buffer_all = 1000} -- and how many runs each buffers
local seconds_of, run_ending, is_due_at, policy_of, served_by
do
  local TEN_SECONDS = 10 * 1000000

  local sub, byte, find, match = string.sub, string.byte, string.find, string.match

  -- Microseconds as the seconds of a score: the double that their decimal text stands for. Redis writes out all of a number's digits.
  function seconds_of(us) return tonumber(us) / 1000000 end

  -- Whole seconds, and the six digits behind them, of microseconds; all are texts.
  local function seconds_and_rest(us)
    if #us > 6 and byte(us) ~= 45 then return sub(us, 1, -7), sub(us, -6) end
    local seconds = math.floor(tonumber(us) / 1000000)
    return string.format('%d', seconds), string.format('%06d', tonumber(us) - seconds * 1000000)
  end

  -- What the job id of a run ends with (run_ending in runs.py); `nominal` is a decimal text of microseconds. Many schedules share one.
  local endings = {}
  function run_ending(nominal)
    local ending = endings[nominal]
    if not ending then
      local seconds, rest = seconds_and_rest(nominal)
      ending = string.format('-%04d%02d%02dT%02d%02d%02d', utc(tonumber(seconds))) .. rest .. 'Z'
      endings[nominal] = ending
    end
    return ending
  end

  -- One instant of a plan: {at, nominal, due, due_us, follower ('nominal:due', nil when Python has to say which, '' when there is
  -- none), next_due_us (nil when there is none), ending}; nil when the plan does not name it. Many schedules share a text.
  local read_plans = {}
  local function instant_in(plan, at)
    local known = read_plans[plan]
    if known and known.at == at then return known end
    local first = find(plan, at, 1, true)
    if not first or (first > 1 and byte(plan, first - 1) ~= 32) then return nil end
    local nominal, due, follower, next_due = match(plan, '^(%-?%d+):(%-?%d+) (%-?%d+:(%-?%d+))', first)
    if not follower then
      local rest
      nominal, due, rest = match(plan, '^(%-?%d+):(%-?%d+)( ?%-?)$', first)
      if rest == ' -' then follower = '' elseif rest ~= '' then return nil end
    end
    if #nominal + #due + 1 ~= #at then return nil end
    known = {at = at, nominal = nominal, due = due, due_us = tonumber(due), follower = follower,
      next_due_us = next_due and tonumber(next_due), ending = run_ending(nominal)}
    read_plans[plan] = known
    return known
  end

  -- Whether that is its score in the index.
  function is_due_at(instant, score) return same_moment(score, instant.due_us / 1000000) end

  -- A policy: 'overlap catchup grace max_runs max_failures', grace in us, '-' for none; nil for one that a newer version wrote.
  local read_policies = {}
  function policy_of(text)
    local policy = read_policies[text]
    if policy == nil then
      local overlap, catchup, grace, most_runs, most_failures = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
      policy = OVERLAPS[overlap or ''] and {overlap = overlap, most_buffered = OVERLAPS[overlap], grace = tonumber(grace),
        most_runs = tonumber(most_runs), most_failures = tonumber(most_failures)}
      if policy then
        policy.in_order = catchup == 'all' and not policy.grace
        -- How late a run may be (us) without any other question: what is later might be older than its definition.
        policy.on_time = policy.most_buffered == 0 and not (policy.most_runs or policy.most_failures) and
          math.min(policy.grace or TEN_SECONDS, TEN_SECONDS)
      end
      read_policies[text] = policy or false
    end
    return policy or nil
  end

  -- The instants that a plan serves at this moment (us), `most` of those that run in order; nil when it is for Python to say. One runs
  -- alone unless the next is due too; with `lasting` (us), also before that moment. `updated`: what is named before it never fires late.
  function served_by(plan, armed, policy, updated, us, most, lasting)
    local instant = instant_in(plan, armed)
    if not (instant and instant.follower) or us < instant.due_us then return nil end
    local never_late = updated > tonumber(instant.nominal)
    local is_last_due = not instant.next_due_us or us < instant.next_due_us
    if not is_last_due and policy.in_order and not never_late then
      local instants = {instant}
      while #instants < most and instant.next_due_us and instant.next_due_us <= us do
        local following = instant_in(plan, instant.follower)
        if not (following and following.follower) then break end
        instant = following
        instants[#instants + 1] = instant
      end
      return instants
    end
    local grace = never_late and TEN_SECONDS or policy.grace
    local is_missed = grace and us - instant.due_us > grace
    if is_missed or not (is_last_due or (lasting and us < lasting)) then return nil end
    return {instant}
  end
end
