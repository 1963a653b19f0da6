-- Pending one-offs: copies of one job, each with its entry.
--
-- KEYS[1]  the job (hash)   KEYS[2]  the index (zset)
-- ARGV     unix seconds, id, ...
for i = 2, #ARGV, 2 do redis.call('COPY', KEYS[1], 'rq:job:' .. ARGV[i]) end
redis.call('ZADD', KEYS[2], unpack(ARGV))
