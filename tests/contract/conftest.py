"""Fixtures of the contract tests: a scheduler, and a host in a zone of the test's choice."""

import time
from collections.abc import Callable, Iterator

import pytest
import redis as redis_py

from rq_scheduler import Scheduler


@pytest.fixture
def host_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this host in a time zone until the test ends: `host_in("Europe/Paris")`."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def _host_in_utc(host_in: Callable[[str], None]) -> None:
    """Warnings about zones are errors, and not the matter of most tests."""
    host_in("UTC")


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)
