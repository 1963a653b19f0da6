"""Fixtures of the dispatcher's tests."""

import pytest
import redis as redis_py

import rq_scheduler.dispatcher.passes as passes_module
from rq_scheduler.store import Store


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)


@pytest.fixture
def long_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass serves all that is due, also on a slow machine."""
    monkeypatch.setattr(passes_module, "LONGEST_PASS", 60)
