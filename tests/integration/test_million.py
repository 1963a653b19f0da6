"""Very many pending entries, 100,000 of them due at once: bounded batches, bounded memory, nobody starved of Redis.

RQS_MANY sets how many (200,000 unless set; 1000000 takes two minutes and a gigabyte).
"""

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis as redis_py

from integration.helpers import INDEX, StartDispatcher, account, save_alike
from making import cpu_of
from rq_scheduler.guarded_process import GuardedProcess
from support import wait_until

pytestmark = pytest.mark.once

MANY = int(os.environ.get("RQS_MANY", "200000"))
DUE = min(100_000, MANY)


def memory_of(process: GuardedProcess) -> float:
    """Megabytes that a process holds."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024


def swept(dispatcher: GuardedProcess) -> bool:
    """Whether it has looked at all entries: then it says which queues nobody listens on."""
    return "No worker listens on queue many" in dispatcher.output()


@pytest.fixture
def slow_scripts(redis: redis_py.Redis) -> Iterator[redis_py.Redis]:
    """A client whose server notes down whatever blocks it for more than 10 ms."""
    before = redis.config_get("slowlog*")
    redis.config_set("slowlog-log-slower-than", 10_000)
    redis.config_set("slowlog-max-len", 10_000)
    yield redis
    for name, value in before.items():
        redis.config_set(name, value)


@pytest.mark.timeout(300 + MANY / 2_000)
@pytest.mark.long
def test_a_backlog(slow_scripts: redis_py.Redis, start_dispatcher: StartDispatcher):
    redis = slow_scripts
    empty = start_dispatcher()
    wait_until(lambda: redis.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0) > 5)
    baseline = memory_of(empty)
    assert empty.terminate() == 0

    began = time.monotonic()
    due = save_alike(redis, "due", DUE, queue="many")
    save_alike(redis, "later", MANY - DUE, queue="many", after=timedelta(days=1))
    saving = time.monotonic() - began

    redis.slowlog_reset()
    redis.config_resetstat()
    worked = cpu_of(redis)
    dispatcher = start_dispatcher()
    began = time.monotonic()
    peak = worst = 0.0

    def drained() -> bool:
        nonlocal peak, worst
        asked = time.monotonic()
        waiting = redis.zcard(INDEX)
        worst = max(worst, time.monotonic() - asked)
        peak = max(peak, memory_of(dispatcher))
        return waiting == MANY - DUE

    wait_until(drained, interval=0.02)
    draining = time.monotonic() - began
    wait_until(lambda: drained() and swept(dispatcher), interval=0.02)
    worked = cpu_of(redis) - worked
    stats = redis.info("commandstats")["cmdstat_evalsha"]
    slow = [entry["duration"] / 1000 for entry in redis.slowlog_get(10_000)]
    print(
        f"{MANY} saved in {saving:.1f} s; {DUE} handed off in {draining:.2f} s ({DUE / draining:.0f}/s); "
        f"{stats['calls']} scripts of {stats['usec_per_call'] / 1000:.2f} ms each, {len(slow)} over 10 ms, "
        f"the longest {max(slow, default=0):.1f} ms; a client waited {worst * 1000:.1f} ms at most; memory "
        f"{baseline:.0f} MB without entries, {peak:.0f} MB at most; Redis {redis.info('memory')['used_memory_human']}"
    )
    assert peak - baseline < 30
    # Of the server's own time: by the clock on the wall, they wait for whatever else the machine does.
    assert worked / stats["calls"] < 10
    assert stats["calls"] > DUE / 1000
    handed_off = [id.decode() for id in redis.lrange("rq:queue:many", 0, -1)]
    assert len(handed_off) == DUE
    assert account(dict.fromkeys(handed_off, 1), due) == ""
