-- Ends the script when something else holds the fence: a 0.14 daemon in its pass, or an application's
-- acquire_lock(). Otherwise takes or renews it. Needs: fence_key ('' for none), fence_token, fence_ttl (ms).
-- The SET comes before any other write, so a server that refuses writes refuses the whole script. Renewing by PEXPIRE
-- would not: a full server lets that pass, and then everything that follows it.
if fence_key ~= '' then
  local holder = redis.call('GET', fence_key)
  if holder and holder ~= fence_token then
    return {'fenced', now_us, holder, redis.call('PTTL', fence_key)}
  end
  redis.call('SET', fence_key, fence_token, 'PX', fence_ttl)
end
