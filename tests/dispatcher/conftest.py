"""Fixtures of the dispatcher's tests."""

import pytest
import redis as redis_py

import rq_scheduler.dispatcher.passes as passes_module
import rq_scheduler.dispatcher.schedules as schedules_module
from rq_scheduler.store import Store


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)


@pytest.fixture
def long_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass serves all that is due, in commits that are full, also on a slow machine."""
    monkeypatch.setattr(passes_module, "LONGEST_PASS", 60)
    monkeypatch.setattr(schedules_module, "PLANNING", 60)
