"""Fixtures of the tests of schedules: a scheduler on a clock that is moved by hand, and what serves it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import redis as redis_py

from rq_scheduler import Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, Worker


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    """Goes by real time, unless a test asks for `dispatcher` too."""
    return Scheduler(connection=redis)


@pytest.fixture
def clock() -> ManualClock:
    """Stands at START."""
    return ManualClock(START)


@pytest.fixture
def dispatcher(scheduler: Scheduler, clock: ManualClock) -> Iterator[ManualDispatcher]:
    """Serves the scheduler's entries when it is told to, by the manual clock; so does the scheduler from then on."""
    with ManualDispatcher(scheduler, clock) as made:
        yield made


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
