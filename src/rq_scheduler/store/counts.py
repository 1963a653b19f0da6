"""How much there is of everything, now and in all: for `status`, and for metrics. Reads only, a bounded round trip,
whatever is stored; tolerates keys of a wrong type and users who may not read them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import RedisError

from rq_scheduler.aliases import EntryKind
from rq_scheduler.store.base import mapping, text, us_of
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline
from rq_scheduler.store.counters import Counted, read_counters
from rq_scheduler.store.operation import operation
from rq_scheduler.store.quarantine import Origin, origin_of

__all__ = ["CountCommands", "Counts", "Figures", "flat"]

_US = 1_000_000
_LOOKED_AT = 1_000
"""Entries of the quarantine of which the kind is looked at, about."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is. `jobs` counts what waits with a job of its own: one-offs and recurring jobs of the 0.14 API,
    `recurring_jobs` of which are the latter; `via_rq` counts runs of schedules that RQ itself has to enqueue. `next_id`
    is due first, at `next_due` (microseconds)."""

    schedules: int
    recurring_jobs: int
    paused: int
    jobs: int
    due: int
    buffered: int
    via_rq: int
    quarantined: int
    next_id: str | None
    next_due: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What metrics show beside `counts`. armed: schedules that wait for their next instant. failing, late, running,
    unserved, open_runs, parked, dispatchers: how many there are. quarantined: by kind; where there are very many, a
    part of them is of the kind "unknown". counted: what was ever done."""

    counts: Counts
    armed: int
    failing: int
    late: int
    running: int
    open_runs: int
    parked: int
    dispatchers: int
    unserved: int
    quarantined: Counter[EntryKind]
    counted: Counted


class CountCommands(Commands):
    """Reads under one key prefix."""

    @operation
    def counts(self, now: int | None = None) -> Procedure[Counts]:
        """How many schedules and jobs there are, and what is due at that moment (us; now) and next. A round trip
        whatever the numbers, and one for the time that is not given."""
        if now is None:
            now = yield from call("TIME", read=lambda time: int(time[0]) * _US + int(time[1]))
        return _counts((yield from pipeline(self._count(now / _US))))

    @operation
    def figures(self, now: int) -> Procedure[Figures]:
        """The same at that moment (us), and what metrics show besides. One round trip."""
        keys, counts = self.keys, self._count(now / _US)
        answers = yield from pipeline(
            [
                *counts,
                *(call("ZCARD", keys.schedules_of(what)) for what in ("failing", "late", "running")),
                *(call("ZCARD", key) for key in (keys.due_schedules, keys.open_runs, keys.parked_due)),
                call("ZCOUNT", keys.dispatchers, now / _US, "+inf"),
                call("HLEN", keys.unserved),
                call("HGETALL", keys.counters),
                call("HSCAN", keys.quarantine, 0, "COUNT", _LOOKED_AT),
            ]
        )
        first, (*numbers, counters, held) = _counts(answers[: len(counts)]), answers[len(counts) :]
        failing, late, running, armed, open_runs, parked, dispatchers, unserved = map(_number, numbers)
        quarantined = Counter[EntryKind]()
        if not isinstance(held, RedisError):
            records = [*mapping(held[1]).values()][: first.quarantined]
            quarantined.update(origin_of(keys, raw).value for raw in records)
        if rest := first.quarantined - quarantined.total():
            quarantined[Origin.UNKNOWN.value] += rest
        counted = Counted() if isinstance(counters, RedisError) else read_counters(mapping(counters))
        return Figures(
            first, armed, failing, late, running, open_runs, parked, dispatchers, unserved, quarantined, counted
        )

    def _count(self, now: float) -> list[Command[Any]]:
        """What `_counts` reads, at that unix time."""
        keys = self.keys
        indexes = (keys.scheduled_jobs, keys.due_schedules)
        return [
            *(call("ZCARD", keys.schedules_of(what)) for what in ("jobs", "paused")),
            *(call("ZCARD", key) for key in (keys.schedules, keys.scheduled_jobs, keys.buffered, keys.via_rq)),
            call("HLEN", keys.quarantine),
            *(call("ZCOUNT", key, "-inf", now) for key in indexes),
            *(call("ZRANGE", key, 0, 0, "WITHSCORES") for key in indexes),
        ]


def _counts(answers: Sequence[Any]) -> Counts:
    numbers = [_number(answer) for answer in answers[:9]]
    heads = [(us_of(answer[1]), answer[0]) for answer in map(flat, answers[9:]) if answer]
    due, first = min(heads, default=(None, None))
    recurring, paused, schedules, jobs, buffered, via_rq, quarantined, *due_now = numbers
    return Counts(
        schedules, recurring, paused, jobs, sum(due_now), buffered, via_rq, quarantined, first and text(first), due
    )


def _number(answer: Any) -> int:
    """What is no number is an error: a key of another type, or one that this user may not read."""
    return answer if isinstance(answer, int) else 0


def flat(reply: Any) -> list[Any]:
    """Members and scores in turn, from the flat list or the pairs that redis-py makes of it."""
    if not isinstance(reply, list) or not reply:
        return []
    found = cast("list[Any]", reply)
    return [each for pair in found for each in pair] if isinstance(found[0], tuple | list) else found
