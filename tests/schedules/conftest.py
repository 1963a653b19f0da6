"""Fixtures of the tests of schedules: a scheduler on a clock that is moved by hand, and what serves it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import redis as redis_py

from conftest import FACES
from rq_scheduler import Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, Worker

ON_BOTH_FACES = {"test_bulk", "test_control", "test_put", "test_sync", "test_versions"}
"""Files whose tests are about what callers call, and nothing that another file's are."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scheduler" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_BOTH_FACES:
        metafunc.parametrize("scheduler", FACES, indirect=True)


@pytest.fixture
def scheduler(request: pytest.FixtureRequest, redis: redis_py.Redis) -> Any:
    """Goes by real time, unless a test asks for `dispatcher` too."""
    if getattr(request, "param", None) == "AsyncScheduler":
        return request.getfixturevalue("async_scheduler")
    return Scheduler(connection=redis)


@pytest.fixture
def clock() -> ManualClock:
    """Stands at START."""
    return ManualClock(START)


@pytest.fixture
def dispatcher(scheduler: Any, redis: redis_py.Redis, clock: ManualClock) -> Iterator[ManualDispatcher]:
    """Serves the scheduler's entries when it is told to, by the manual clock; so does the scheduler from then on."""
    synchronous = scheduler if isinstance(scheduler, Scheduler) else Scheduler(connection=redis)
    with ManualDispatcher(synchronous, clock) as made:
        if synchronous is not scheduler:
            clock._take(scheduler.sync_scheduler)
        yield made
        if synchronous is not scheduler:
            clock._give_back(scheduler.sync_scheduler)


@pytest.fixture
def schedules(scheduler: Scheduler) -> Schedules:
    return scheduler.schedules


@pytest.fixture
def worker(redis: redis_py.Redis, clock: ManualClock) -> Worker:
    """What a worker does to a job, one step at a time, as RQ leaves it in Redis."""
    return Worker(redis, clock.now_us)


@pytest.fixture
def at(clock: ManualClock, dispatcher: ManualDispatcher) -> Callable[[datetime], Any]:
    """Puts the clock at a moment and serves what is due there, as a dispatcher that was down until then."""

    def move(moment: datetime) -> Any:
        clock.move_to(moment)
        return dispatcher.tick()

    return move
