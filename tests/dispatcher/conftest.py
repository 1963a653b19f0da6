"""Fixtures of the dispatcher's tests."""

import pytest
import redis as redis_py

from making import move_to, now_us
from rq_scheduler.store import Store
from rq_scheduler.store.clock import MANUAL_CLOCK


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)


@pytest.fixture
def still(redis: redis_py.Redis) -> Store:
    """A store for which time stands still where a test puts it (`making.move_to`), and begins now."""
    move_to(redis, now_us(redis))
    return Store(redis, clock=MANUAL_CLOCK)
