"""Who was there: dispatchers and workers, also those that are gone; outages, and queues that nobody serves.

Written by heartbeats and by one look a minute. Knows nothing of entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from rq_scheduler.clock import US
from rq_scheduler.store.base import mapping, moment, score_of, scores, text, us_of, whole
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline
from rq_scheduler.store.operation import operation

__all__ = ["DispatcherLine", "Look", "OutageLine", "UnservedLine", "WorkerLine", "read_outage"]

_MINUTE = 60 * US

LOOK_EVERY = 60.0
"""Seconds between two looks at workers and queues."""

OUTAGE_AFTER = 15
"""Seconds without a heartbeat that are an outage: as in `presence.lua`."""

MEMORY = 2 * 86_400
"""Seconds for which dispatchers and workers are remembered that are gone."""

UNSERVED_AFTER = 300
"""Seconds after which a queue with jobs in it and no worker is told of."""

MOST = 5_000
"""Workers, and queues, that one look takes in."""


@dataclass(frozen=True, slots=True)
class UnservedLine:
    """A queue in which jobs wait that no worker listens on; times in microseconds. `told` when that is so for long."""

    queue: str
    since: int
    jobs: int = 0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at workers and queues found to be new."""

    began: Sequence[UnservedLine] = ()
    ended: Sequence[UnservedLine] = ()


@dataclass(frozen=True, slots=True)
class OutageLine:
    """When nothing was handed off (us), and why: "fleet", "redis", "lock" or "unknown"."""

    began: int
    ended: int
    cause: str


@dataclass(frozen=True, slots=True, order=True)
class DispatcherLine:
    """A dispatcher: when it was last heard of, and the time now (us); where it runs, as long as it does."""

    name: str
    heard: int
    now: int
    alive: bool
    host: str = ""
    pid: str = ""


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker, the queues that it listens on (or did), and since when (us, at the grain of the looks). `left` is when
    it was found to be gone, None of one that is there; `heartbeat` is RQ's text."""

    name: str
    queues: tuple[str, ...]
    since: int
    left: int | None
    heartbeat: str


class _Noted(msgspec.Struct):
    since: str
    queues: str
    heartbeat: str = ""
    name: str = ""
    left: str = ""


class FleetCommands(Commands):
    """The look, and reads of what heartbeats and looks have noted."""

    @operation
    def look_around(self, name: str) -> Command[Look | None]:
        """Notes which workers are there and which queues nobody serves; None where that was done a moment ago."""

        def read(reply: Sequence[Any]) -> Look | None:
            if reply[0] != b"ok":
                return None
            _, began, ended = reply
            return Look(
                [UnservedLine(text(q), int(s), int(n), True) for q, s, n in zip(*[iter(began)] * 3, strict=True)],
                [UnservedLine(text(q), int(s)) for q, s in zip(*[iter(ended)] * 2, strict=True)],
            )

        # A little less than the pause, or each second look of a single dispatcher would come too early.
        arguments = (name, LOOK_EVERY * 0.9, MEMORY, UNSERVED_AFTER, MOST)
        return self._script("look_around", self.keys.last_look, *arguments, read=read)

    @operation
    def dispatchers(self) -> Procedure[list[DispatcherLine]]:
        """Those that were heard of within two days, by name."""
        now = yield from call("TIME", read=lambda time: int(time[0]) * US + int(time[1]))
        alive: dict[str, int] = yield from call("ZRANGE", self.keys.dispatchers, 0, -1, "WITHSCORES", read=_times)
        heard: dict[str, int] = yield from call("ZRANGE", self.keys.heartbeats, 0, -1, "WITHSCORES", read=_times)
        told = yield from pipeline(call("HMGET", self.keys.instance(name), "host", "pid") for name in heard)
        return sorted(
            DispatcherLine(name, at, now, alive.get(name, 0) > now, *_of_instance(fields))
            for (name, at), fields in zip(heard.items(), told, strict=True)
        )

    @operation
    def last_heartbeat(self) -> Procedure[tuple[int | None, int]]:
        """When any dispatcher was last heard of, if one was within two days, and the time now (us)."""
        last: dict[str, int] = yield from call("ZRANGE", self.keys.heartbeats, -1, -1, "WITHSCORES", read=_times)
        now = yield from call("TIME", read=lambda time: int(time[0]) * US + int(time[1]))
        return next(iter(last.values()), None), now

    @operation
    def outages(self, since: int, until: int) -> Procedure[list[OutageLine]]:
        """Those that touch this stretch of time (us), in order."""
        lines = yield from call("ZRANGEBYSCORE", self.keys.outages, score_of(since), "+inf")
        found = [line for line in map(read_outage, lines) if line is not None and line.began <= until]
        return sorted(found, key=lambda line: line.began)

    @operation
    def workers(self) -> Procedure[list[WorkerLine]]:
        """Those that the last look found, and those that left within two days, by name."""
        seen = yield from call("HGETALL", self.keys.workers_seen, read=mapping)
        left = yield from call("ZRANGE", self.keys.workers_left, 0, -1)
        there = [_worker(line, name) for name, line in seen.items()]
        found = [*there, *(_worker(line, b"") for line in left)]
        return sorted((line for line in found if line is not None), key=lambda line: (line.name, line.since))

    @operation
    def lateness(self, since: int, until: int) -> Procedure[dict[int, dict[int, int]]]:
        """By minute (us) from that of `since` to that of `until`, at most the last day: how many jobs were handed off,
        by bucket: 0 is under a millisecond late, b under 2**b of them and no less than half of that."""
        first, last = since // _MINUTE, until // _MINUTE
        hours = range(max(first, last - 24 * 60) // 60, last // 60 + 1)
        replies = yield from pipeline(call("HGETALL", self.keys.lateness(hour), read=mapping) for hour in hours)
        found: dict[int, dict[int, int]] = {}
        for hour, reply in zip(hours, replies, strict=True):
            if isinstance(reply, ResponseError):
                raise reply
            for field, jobs in reply.items():
                minute, _, bucket = field.partition(b" ")
                at, late, count = whole(minute), whole(bucket), whole(jobs)
                if at is not None and late is not None and count and first <= hour * 60 + at <= last:
                    found.setdefault((hour * 60 + at) * _MINUTE, {})[late] = count
        return dict(sorted(found.items()))

    @operation
    def unserved(self) -> Command[list[UnservedLine]]:
        """The queues in which the last look found jobs that no worker listens on, by name."""
        return call("HGETALL", self.keys.unserved, read=_unserved)


def _times(reply: Any) -> dict[str, int]:
    return {name: us_of(score) for name, score in scores(reply).items()}


def _of_instance(fields: Any) -> tuple[str, ...]:
    if isinstance(fields, ResponseError):
        return ()
    return tuple((value or b"").decode(errors="replace") for value in fields)


def read_outage(line: bytes) -> OutageLine | None:
    """A line from Redis; None for one that is none of ours."""
    words = line.decode(errors="replace").split(" ")
    if len(words) != 3:
        return None
    began, ended = moment(words[0]), moment(words[1])
    return None if began is None or ended is None else OutageLine(began, ended, words[2])


def _worker(line: bytes, name: bytes) -> WorkerLine | None:
    try:
        noted = msgspec.json.decode(line, type=_Noted)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    since = moment(noted.since)
    queues = tuple(queue for queue in noted.queues.split(",") if queue)
    called = text(name) if name else noted.name
    return None if since is None else WorkerLine(called, queues, since, moment(noted.left), noted.heartbeat)


def _unserved(reply: dict[bytes, bytes]) -> list[UnservedLine]:
    found: list[UnservedLine] = []
    for queue, state in reply.items():
        since, _, told = state.partition(b" ")
        at = moment(since)
        if at is not None:
            found.append(UnservedLine(text(queue), at, told=bool(told)))
    return sorted(found, key=lambda line: line.queue)
