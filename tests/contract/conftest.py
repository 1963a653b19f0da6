"""Fixtures of the contract tests: a scheduler, on a host in UTC."""

from collections.abc import Callable

import pytest
import redis as redis_py

from rq_scheduler import Scheduler


@pytest.fixture(autouse=True)
def _host_in_utc(host_in: Callable[[str], None]) -> None:
    """Warnings about zones are errors, and not the matter of most tests."""
    host_in("UTC")


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)
