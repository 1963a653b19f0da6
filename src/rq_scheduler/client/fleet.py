"""`scheduler.fleet`: who was there, and when nobody was.

A face over the store. Knows no key of Redis, and judges nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Literal, get_args

from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.times import due_at
from rq_scheduler.clock import US, from_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.store.fleet import OUTAGE_AFTER, WorkerLine

__all__ = ["Fleet", "Lateness", "Outage", "OutageCause", "SeenDispatcher", "SeenWorker", "UnservedQueue"]

OutageCause = Literal["fleet", "redis", "lock", "unknown"]
"""What was away: the dispatchers, Redis, or one of the two; or who held the lock kept dispatchers from their work."""

_LATEST = 40
"""The bucket of all that is later: 34 years."""

_CAUSES: tuple[OutageCause, ...] = get_args(OutageCause)


@dataclass(frozen=True, slots=True)
class SeenDispatcher:
    """A dispatcher of the last two days. `last_heartbeat` is aware UTC, by the server's clock; a live one has one
    every five seconds. host and pid are known while it lives."""

    name: str
    last_heartbeat: datetime
    alive: bool
    host: str | None = None
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker, and the queues that it listens on, or did. Dispatchers look once a minute, and RQ forgets a killed
    worker only after seven: `left` is when it was found to be gone, None while it is there; `last_heartbeat` is RQ's,
    the last moment at which it is known to have been there. All aware UTC."""

    name: str
    queues: tuple[str, ...]
    since: datetime
    last_heartbeat: datetime | None
    left: datetime | None


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time, aware UTC, in which nothing was handed off. `ended` is None while it lasts."""

    began: datetime
    ended: datetime | None
    cause: OutageCause


@dataclass(frozen=True, slots=True)
class UnservedQueue:
    """A queue in which jobs wait and that no worker listens on, since when that was seen (aware UTC)."""

    queue: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late jobs were handed off within the minute that begins at `minute` (aware UTC): of `jobs`, half no later
    than `median`, and all no later than `worst`. Both are powers of two of a millisecond, rounded up."""

    minute: datetime
    jobs: int
    median: timedelta
    worst: timedelta


class Fleet:
    """Dispatchers and workers of one Redis, seen through a Scheduler: also those that are gone, for two days."""

    def __init__(self, context: SchedulerContext) -> None:
        self._context = context

    def dispatchers(self) -> list[SeenDispatcher]:
        """Those of the last two days, by name."""
        return [
            SeenDispatcher(
                line.name,
                from_us(line.heard),
                line.alive,
                line.host or None if line.alive else None,
                int(line.pid) if line.alive and line.pid.isdecimal() else None,
            )
            for line in self._context.store.dispatchers()
        ]

    def outages(self, since: datetime, until: datetime) -> list[Outage]:
        """When nothing was handed off between two moments (naive means UTC), in order; the last may still go on. The
        thousand last ones are known; one begins with the last heartbeat of any dispatcher, and lasts 15 seconds at
        least.

        Raises InvalidArgument, a ValueError, where `until` is before `since`, InvalidType for what is no datetime.
        """
        first, last = _span(since, until)
        store = self._context.store
        # Heartbeats first: an outage that ends between the two reads is then seen twice, and not in neither.
        heard, now = store.last_heartbeat()
        lines = store.outages(first, last)
        found = [Outage(from_us(line.began), from_us(line.ended), _cause(line.cause)) for line in lines]
        if (
            heard is not None
            and heard <= last
            and now - heard >= OUTAGE_AFTER * US
            and all(line.began != heard for line in lines)
        ):
            found.append(Outage(from_us(heard), None, "fleet"))  # Redis is there to say so
        return found

    def workers(self) -> list[SeenWorker]:
        """Those that the last look found, and those that left within two days, by name."""
        return [_worker(line) for line in self._context.store.workers()]

    def lateness(self, since: datetime, until: datetime) -> list[Lateness]:
        """By minute, for those of the last day in which something was handed off because it was due. Raises as
        `outages` does."""
        first, last = _span(since, until)
        return [_lateness(minute, buckets) for minute, buckets in self._context.store.lateness(first, last).items()]

    def lateness_in_all(self, since: datetime, until: datetime) -> Lateness | None:
        """The same of all these minutes together, under the first of them; None where nothing was handed off."""
        first, last = _span(since, until)
        in_all = Counter[int]()
        by_minute = self._context.store.lateness(first, last)
        for buckets in by_minute.values():
            in_all.update(buckets)
        return _lateness(min(by_minute), in_all) if by_minute else None

    def unserved(self) -> list[UnservedQueue]:
        """The queues in which the last look, a minute ago at most, found jobs that no worker listens on."""
        return [UnservedQueue(line.queue, from_us(line.since)) for line in self._context.store.unserved()]


def _span(since: datetime, until: datetime) -> tuple[int, int]:
    first, last = due_at(since, "since"), due_at(until, "until")
    if last < first:
        raise InvalidArgument(f"until={until} is before since={since}: give the earlier one as since")
    return first, last


def _lateness(minute: int, buckets: Mapping[int, int]) -> Lateness:
    jobs = sum(buckets.values())
    order = sorted(buckets)
    below = accumulate(buckets[bucket] for bucket in order)
    median = next(bucket for bucket, count in zip(order, below, strict=True) if count * 2 >= jobs)
    return Lateness(from_us(minute), jobs, _at_most(median), _at_most(order[-1]))


def _at_most(bucket: int) -> timedelta:
    return timedelta(milliseconds=2 ** min(bucket, _LATEST))


def _cause(text: str) -> OutageCause:
    return text if text in _CAUSES else "unknown"


def _worker(line: WorkerLine) -> SeenWorker:
    left = None if line.left is None else from_us(line.left)
    return SeenWorker(line.name, line.queues, from_us(line.since), _rq_time(line.heartbeat), left)


def _rq_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
