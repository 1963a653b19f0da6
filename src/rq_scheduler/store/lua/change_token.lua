-- Makes a token for the web, or revokes one.
--
-- KEYS[1]  the tokens (hash, id -> JSON)
-- ARGV     1 prefix, 2 id, 3 its record, or '' to revoke it, 4 who does it, then names and values of what the audit says of it
-- returns  {'ok'}, {'taken'} (there is one of that id, and nothing is written), or {'unknown'}
-- keeps    what is made or revoked stands in the audit
local prefix, id, record, actor = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- @include clock
-- @include audit
if record == '' then
  if redis.call('HDEL', KEYS[1], id) == 0 then return {'unknown'} end
  audit('token_revoked', id, actor, unpack(ARGV, 5))
  return {'ok'}
end
local known = redis.call('HGET', KEYS[1], id)
if known and known ~= record then return {'taken'} end
if not known then
  redis.call('HSET', KEYS[1], id, record)
  audit('token_made', id, actor, unpack(ARGV, 5))
end
return {'ok'}
