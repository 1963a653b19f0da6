"""Fixtures of the dispatcher's tests."""

import pytest
import redis as redis_py

from rq_scheduler.store import Store


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)
