"""Faults inside a dispatcher's process: a wrong wall clock, a stop at one place, and sabotage that a checker has to
notice.

Each is called in the process that it is for, before its dispatcher is made.
"""

import datetime as datetime_module
import inspect
import os
import signal
import time
import types
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import rq.utils

import rq_scheduler.clock
from rq_scheduler.clock import US
from rq_scheduler.store import Store


def wrong_clock(seconds: float) -> None:
    """The wall clock of this process is off: for `time.time()`, for RQ and for the package. The monotonic one is
    right."""
    right, delta = time.time, timedelta(seconds=seconds)

    class Off(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + delta

    time.time = lambda: right() + seconds
    rq_scheduler.clock.datetime = Off  # type: ignore[misc]
    rq.utils.datetime = types.SimpleNamespace(**{**vars(datetime_module), "datetime": Off})  # type: ignore[assignment]
    for told in (rq.utils.now(), datetime.fromtimestamp(rq_scheduler.clock.SystemClock().now_us() / US, UTC)):
        off = (told - datetime.now(UTC)).total_seconds()
        assert abs(off - seconds) < 60, f"this clock is {off} s off, not {seconds}"


def frozen_before(operation: str) -> None:
    """This process stops itself (SIGSTOP) with a plan in its hands: before the first call of an operation of the
    store."""
    original = inspect.getattr_static(Store, operation)

    def frozen(self: Store, *args: Any, **options: Any) -> Any:
        setattr(Store, operation, original)
        os.kill(os.getpid(), signal.SIGSTOP)
        return getattr(self, operation)(*args, **options)

    setattr(Store, operation, frozen)


# Sabotage: what befalls one entry in ten, round the hand-off. Goes by Redis alone, not by what the package answers.


def _victims(store: Store, what: str, since: float | str, until: float | str) -> dict[str, str]:
    """Entries that are due in that range, and their queues: for each kind of sabotage others."""
    found: dict[str, str] = {}
    for member in store.connection.zrangebyscore(store.keys.scheduled_jobs, since, until, start=0, num=500):
        id = member.decode()
        if zlib.crc32(f"{what} {id}".encode()) % 10 == 0:
            found[id] = f"rq:queue:{(store.connection.hget(f'rq:job:{id}', 'origin') or b'').decode()}"
    return found


def _due(store: Store, what: str) -> dict[str, str]:
    return _victims(store, what, "-inf", store.server_time() / US)


def _to_come(store: Store, what: str) -> dict[str, str]:
    return _victims(store, what, store.server_time() / US + 0.5, "+inf")


def _double(store: Store, hand_off: Callable[[], Any]) -> Any:
    due, answer = _due(store, "doubled"), hand_off()
    for id, queue in due.items():
        if store.connection.zscore(store.keys.scheduled_jobs, id) is None:
            store.connection.rpush(queue, id)
    return answer


def _lose(store: Store, hand_off: Callable[[], Any]) -> Any:
    for id in _due(store, "lost"):
        store.connection.zrem(store.keys.scheduled_jobs, id)
        store.connection.delete(f"rq:job:{id}")
    return hand_off()


def _hurry(store: Store, hand_off: Callable[[], Any]) -> Any:
    for id in _to_come(store, "early"):
        store.connection.zadd(store.keys.scheduled_jobs, {id: store.server_time() / US}, xx=True)
    return hand_off()


def _forget(store: Store, hand_off: Callable[[], Any]) -> Any:
    for id in _to_come(store, "orphaned"):
        store.connection.zrem(store.keys.scheduled_jobs, id)
    return hand_off()


def _round_each_hand_off(spoil: Callable[[Store, Callable[[], Any]], Any]) -> None:
    hand_off = inspect.getattr_static(Store, "hand_off_jobs")

    def spoiled(self: Store, *args: Any, **options: Any) -> Any:
        return spoil(self, partial(hand_off.__get__(self, Store), *args, **options))

    Store.hand_off_jobs = spoiled  # type: ignore[method-assign]


SABOTAGE: dict[str, Callable[[], None]] = {
    name: partial(_round_each_hand_off, spoil)
    for name, spoil in {"doubled": _double, "lost": _lose, "early": _hurry, "orphaned": _forget}.items()
}
"""By the fault that a checker has to find."""
