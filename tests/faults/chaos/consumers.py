"""Who receives: a mover that stands for workers and keeps the exact record of every push, and jobs for real workers."""

import fcntl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import get_current_job

RECORD = "test:received"
"""List of "<job id> <us at which it was taken> <enqueued_at as the job says>"."""

_EVERY = 0.02
_AT_MOST = 500

# One step, so that nothing taken can be missing in the record: with an AOF that is always written, the record is exact
# whatever dies. The record comes first, because a full server refuses that. Jobs are kept for a while only, as RQ keeps
# finished ones: what guards against doubles has to do without them. Those of the 0.14 API end with their job.
_TAKE = """
local time = redis.call('TIME')
local now, taken = string.format('%d%06d', time[1], time[2]), 0
for i = 2, #ARGV do
  local key = 'rq:queue:' .. ARGV[i]
  local ids = redis.call('LRANGE', key, 0, ARGV[1] - 1)
  if #ids > 0 then
    local record = {}
    for n, id in ipairs(ids) do
      record[n] = id .. ' ' .. now .. ' ' .. (redis.call('HGET', 'rq:job:' .. id, 'enqueued_at') or '')
    end
    redis.call('RPUSH', 'test:received', unpack(record))
    redis.call('LTRIM', key, #ids, -1)
    for _, id in ipairs(ids) do
      if redis.call('EXISTS', 'rq:job:' .. id) == 1 then
        redis.call('HSET', 'rq:job:' .. id, 'status', 'finished')
        if ARGV[i] ~= 'recurring' then redis.call('EXPIRE', 'rq:job:' .. id, 20) end
      end
    end
    taken = taken + #ids
  end
end
return taken
"""


@dataclass(frozen=True)
class Received:
    """One hand-off, as its consumer saw it."""

    id: str
    at: int


class Mover(threading.Thread):
    """Takes what comes into `queues`, every so many seconds, until told to end."""

    def __init__(self, url: str, queues: Sequence[str], every: float = _EVERY) -> None:
        super().__init__(name=f"mover of {queues[0]}", daemon=True)
        self._redis = redis_py.Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=10)
        self._queues = queues
        self._every = every
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                while self._redis.eval(_TAKE, 0, _AT_MOST, *self._queues) == _AT_MOST:
                    pass
            except (redis_py.RedisError, OSError):
                continue

    def end(self) -> None:
        self._ended.set()
        self.join(15)
        self._redis.close()


def note(path: str) -> None:
    """The job of real workers: a line with its id and the time in a file."""
    job = get_current_job()
    assert job is not None
    with Path(path).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{job.id} {time.time_ns() // 1000}\n")
