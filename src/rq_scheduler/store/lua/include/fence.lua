-- Ends the script when something else holds the fence: a 0.14 daemon in its pass, or an application's
-- acquire_lock(). Otherwise takes or renews it. Needs: fence_key ('' for none), fence_token, fence_ttl (ms).
-- The SET comes before any other write, so a server that refuses writes refuses the whole script.
if fence_key ~= '' then
  local holder = redis.call('GET', fence_key)
  if not holder then
    redis.call('SET', fence_key, fence_token, 'PX', fence_ttl)
  elseif holder == fence_token then
    redis.call('PEXPIRE', fence_key, fence_ttl)
  else
    return {'fenced', now_us, holder, redis.call('PTTL', fence_key)}
  end
end
