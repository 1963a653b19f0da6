"""Fixtures of the tests of alerts: a receiver that is a real server, and alerts that do not take their time."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py

from alerts.inbox import Inbox
from rq_scheduler.alerts import Alerts, Receiver, sender
from rq_scheduler.store import Store
from support import wait_until


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A server that takes what it is sent, unless it is told otherwise."""
    with Inbox() as made:
        yield made


@pytest.fixture
def other_inbox() -> Iterator[Inbox]:
    with Inbox() as made:
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and tries follow each other at once."""
    monkeypatch.setattr(sender, "TURN", 0.02)
    monkeypatch.setattr(sender, "LONGEST_LOOK", 0.05)
    monkeypatch.setattr(sender, "SHORTEST_BACKOFF", 0.02)
    monkeypatch.setattr(sender, "LONGEST_BACKOFF", 0.05)


@pytest.fixture
def alerting(quick: None, store: Store) -> Iterator[Callable[..., Alerts]]:
    """Start alerts, and wait until they look: `alerting(Receiver(...), store=...)`."""
    started: list[Alerts] = []

    def start(*receivers: Receiver, on: Store = store, wait: bool = True, **options: Any) -> Alerts:
        alerts = Alerts(receivers, timezone="UTC", **options)
        alerts.start(on)
        started.append(alerts)
        if wait:
            for each in receivers:
                wait_until(lambda name=each.name: on.connection.hget(on.keys.alert_receiver(name), "holder"))
        return alerts

    yield start
    for alerts in started:
        alerts.stop()
