"""A call that is cancelled at each of its steps: before the command goes out, and when its reply has come.

Nothing is then half done that would not be where a synchronous caller is killed there (`faults/test_cuts.py`), and the
client goes on to be used by others.
"""

import asyncio
from collections.abc import Awaitable
from concurrent.futures import CancelledError
from typing import Any, Literal

import pytest
import redis as redis_py

from aio.conftest import closed
from driven import LoopThread, driven
from faults.cutting import World, difference, shape
from faults.writes import WRITES
from rq_scheduler import greenlets
from rq_scheduler.client import bulk
from rq_scheduler.client.schedules import on_demand
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.store.clock import MANUAL_CLOCK

pytestmark = pytest.mark.once

When = Literal["before", "after"]
MOST = 200
"""Steps of a call; one that is longer has no end."""

IN_A_THREAD = ("schedules.backfill", "schedules.backfill_left_out")
"""Which ends where it next asks for something: `test_on_a_loop`."""


class Cancelling:
    """In place of `greenlets.wait`: has the task that waits cancelled at its n-th step."""

    def __init__(self) -> None:
        self._wait = greenlets.wait
        self.reset(None, "before")

    def reset(self, point: int | None, when: When) -> None:
        self.steps, self.point, self.when = 0, point, when

    def __call__(self, awaitable: Awaitable[Any]) -> Any:
        self.steps += 1
        if self.steps != self.point:
            return self._wait(awaitable)
        task = asyncio.current_task()
        assert task is not None
        if self.when == "before":
            task.cancel()
            return self._wait(awaitable)
        self._wait(awaitable)
        task.cancel()
        return self._wait(asyncio.sleep(0))


@pytest.fixture
def cancelling(monkeypatch: pytest.MonkeyPatch) -> Cancelling:
    made = Cancelling()
    monkeypatch.setattr(greenlets, "wait", made)
    monkeypatch.setattr(bulk, "MAX_ENTRIES", 2)
    monkeypatch.setattr(on_demand, "MAX_BATCH", 2)
    return made


def world_of(name: str, redis: redis_py.Redis) -> World:
    made = World(redis, None)  # type: ignore[arg-type]  no network is cut
    WRITES[name].prepare(made)
    return made


def scheduler_in(world: World, thread: LoopThread, client: Any) -> Any:
    made = driven(thread, client, name="remote")
    made._clock, made._store.clock = world.clock, MANUAL_CLOCK
    return made


NAMES = [name for name, write in WRITES.items() if write.covers != "run"]


@pytest.mark.parametrize("name", NAMES)
def test_its_caller_is_cancelled(
    name: str, redis: redis_py.Redis, server: EmbeddedRedis, loop_thread: LoopThread, cancelling: Cancelling
) -> None:
    write, client = WRITES[name], loop_thread.client(server.url)

    def left(point: int | None, when: When) -> tuple[bool, dict[str, str]]:
        """Whether the call was cancelled, and what is in Redis then."""
        world = world_of(name, redis)
        scheduler = scheduler_in(world, loop_thread, client)
        cancelling.reset(point, when)
        cancelled = False
        try:
            write.call(scheduler)
        except CancelledError:
            cancelled = True
        cancelling.reset(None, when)
        found = shape(redis)
        assert scheduler.count() == world.scheduler.count(), "no reply is left for the next caller"
        if write.released is not None:
            write.released(scheduler)
        world.close()
        return cancelled, found

    world = world_of(name, redis)
    before = shape(redis)
    world.close()
    _, after = left(None, "before")
    half: list[dict[str, str]] = []
    for point in range(1, MOST):
        # Before a step is after the one before, but for the first.
        for when in ("before", "after") if point == 1 else ("after",):
            cancelled, now = left(point, when)
            if now not in (before, after, *half):
                half.append(now)
        if not cancelled:
            assert point > 1 or write.covers in IN_A_THREAD, "it was never cancelled"
            break
    else:
        pytest.fail("it has no end")
    assert len(half) < write.steps, difference(before, half[0])
    loop_thread.run(closed(client))
