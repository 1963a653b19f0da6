-- The limit of scheduling a job: its hash and its entry, with no check of anything.
--
-- KEYS[1]  index of entries that have a job hash (zset, id -> unix seconds)
-- ARGV     1 due (unix seconds), 2 id, 3 ... fields and values of the job
redis.call('HSET', 'rq:job:' .. ARGV[2], unpack(ARGV, 3))
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
