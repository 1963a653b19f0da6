"""One of two dispatchers dies, or stands still: whoever watches what arrives does not notice."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, pairwise
from multiprocessing.process import BaseProcess

import pytest
import redis as redis_py

from faults.failover import Load, handed_off
from integration import nursery
from making import US, now_us
from rq_scheduler import Scheduler
from support import wait_until

PHASE = 4.0
"""Seconds without a fault, then with deaths, then with standstills."""

Window = tuple[int, int]


@contextmanager
def two(url: str) -> Iterator[list[BaseProcess]]:
    pair = [nursery.start(url, name=f"first{n}") for n in range(2)]
    try:
        yield pair
    finally:
        for one in pair:
            one.kill()


def largest_gap(moments: list[int], window: Window) -> float:
    """Milliseconds between two hand-offs that follow each other, by the server's clock."""
    within = [at for at in moments if window[0] <= at < window[1]]
    return max(later - earlier for earlier, later in pairwise(within)) / 1000


@pytest.mark.alone
def test_no_gap_of_a_tenth_of_a_second(redis: redis_py.Redis, dispatcher_url: str) -> None:
    """At 200 due a second, one-offs and runs of schedules."""

    def phase(fault: Callable[[], None] | None = None) -> Window:
        began, end = now_us(redis), time.monotonic() + PHASE
        while time.monotonic() < end:
            time.sleep(0.2)  # the load, not a wait
            if fault is not None:
                fault()
        return began, now_us(redis)

    load = Load(Scheduler(connection=redis), [], one_offs=160 * 14, schedules=20, seconds=14)
    with two(dispatcher_url) as pair:
        turns = cycle(range(2))
        deaths = standstills = 0

        def kill_one() -> None:
            nonlocal deaths
            turn = next(turns)
            pair[turn].kill()
            deaths += 1
            time.sleep(0.3)  # with one alone
            pair[turn] = nursery.start(dispatcher_url, name=f"next{deaths}")

        def stop_one() -> None:
            nonlocal standstills
            victim = pair[next(turns)].pid
            assert victim is not None
            os.kill(victim, signal.SIGSTOP)
            standstills += 1
            time.sleep(0.3)
            os.kill(victim, signal.SIGCONT)

        wait_until(lambda: redis.zcard("rq:scheduler:dispatchers") == 2, 20)
        load.save()
        wait_until(lambda: redis.llen("rq:queue:default") > 20)
        control, dying, standing = phase(), phase(kill_one), phase(stop_one)
        wait_until(load.drained, 20, message=load.behind)
        assert nursery.end(pair) == [0, 0]

    moments = sorted(at for _, at in handed_off(redis))
    quiet, killed, stopped = (largest_gap(moments, window) for window in (control, dying, standing))
    rate = sum(control[0] <= at < control[1] for at in moments) / (control[1] - control[0]) * US
    print(
        f"{rate:.0f} a second; the largest gap: {quiet:.1f} ms with two, {killed:.1f} ms over {deaths} deaths, "
        f"{stopped:.1f} ms over {standstills} standstills"
    )
    verdict, _ = load.judge(redis)
    assert verdict.clean, str(verdict)
    assert not verdict.late, str(verdict)
    # Where two have gaps of their own, the machine has, and nothing can be said of deaths.
    limit = max(100, 2 * quiet)
    assert killed < limit
    assert stopped < limit
