"""Fixtures of the contract tests: a scheduler, on a host in UTC."""

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from conftest import FACES
from rq_scheduler import Scheduler


@pytest.fixture(autouse=True)
def _host_in_utc(host_in: Callable[[str], None]) -> None:
    """Warnings about zones are errors, and not the matter of most tests."""
    host_in("UTC")


@pytest.fixture(params=FACES)
def scheduler(request: pytest.FixtureRequest, redis: redis_py.Redis) -> Any:
    if request.param == "AsyncScheduler":
        return request.getfixturevalue("async_scheduler")
    return Scheduler(connection=redis)
