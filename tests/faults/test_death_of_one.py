"""One of two dispatchers dies, or stands still: the other goes on, and waits for nothing that the first one held."""

import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from multiprocessing.process import BaseProcess

import pytest
import redis as redis_py

from faults.failover import Load, handed_off
from integration import nursery
from rq_scheduler import Scheduler
from support import wait_until

pytestmark = pytest.mark.once

TIMES = 8
"""How often one dies, and how often one stands still."""

GO_ON = 40
"""Hand-offs that are waited for while there is one alone: were it to wait for the other, there would be none."""


@pytest.fixture
def pair(redis: redis_py.Redis, dispatcher_url: str) -> Iterator[list[BaseProcess]]:
    two = [nursery.start(dispatcher_url, name=f"first{n}") for n in range(2)]
    try:
        wait_until(lambda: redis.zcard("rq:scheduler:dispatchers") == 2)
        yield two
    finally:
        for one in two:
            one.kill()


@pytest.mark.long
def test_the_other_goes_on(redis: redis_py.Redis, dispatcher_url: str, pair: list[BaseProcess]) -> None:
    """At 500 due a second, one-offs and runs of schedules."""
    load = Load(Scheduler(connection=redis), [], one_offs=4_000, schedules=20, seconds=10)
    load.save()

    def goes_on() -> None:
        served = redis.llen("rq:queue:default")
        wait_until(lambda: redis.llen("rq:queue:default") >= served + GO_ON or load.drained(), message=load.behind)

    goes_on()
    for turn in range(TIMES):
        pair[turn % 2].kill()
        goes_on()
        pair[turn % 2] = nursery.start(dispatcher_url, name=f"next{turn}")
    for turn in range(TIMES):
        victim = pair[turn % 2].pid
        assert victim is not None
        os.kill(victim, signal.SIGSTOP)
        goes_on()
        os.kill(victim, signal.SIGCONT)
    wait_until(load.drained, message=load.behind)
    for turn in (TIMES - 2, TIMES - 1):  # a signal finds its handler
        wait_until(lambda turn=turn: redis.exists(f"rq:scheduler_instance:next{turn}"))
    assert nursery.end(pair) == [0, 0]

    moments = sorted(at for _, at in handed_off(redis))
    gap = max(later - earlier for earlier, later in pairwise(moments)) / 1000
    print(f"the largest gap between two of {len(moments)} hand-offs: {gap:.1f} ms")
    verdict, _ = load.judge(redis)
    assert verdict.clean, str(verdict)
