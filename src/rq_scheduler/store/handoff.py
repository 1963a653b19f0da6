"""The hand-off as dispatchers see it: batches from the index into RQ's queues, each one atomic script.

Reads and writes what it is told; what fires when is decided in `planning`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rq_scheduler.store.base import fence_arguments, is_ok, score_of, text, us_of
from rq_scheduler.store.command import Command, Commands, Procedure, call, wire
from rq_scheduler.store.operation import operation
from rq_scheduler.store.outcomes import Cursor, Dropped, Fenced, Fires, HandedOff, read_fires
from rq_scheduler.store.rq_format import (
    DEFAULT_TIMEOUT,
    ID_PATTERN,
    SCHEDULER_LOCK_OWNER,
    SCHEDULER_LOCK_TTL,
    intermediate_key,
    queue_key,
    queues_key,
    scheduled_registry_key,
)

LONG_OVERDUE = 3600
"""Seconds after which an entry of RQ's registries, which nobody was serving, is held back at the first claim."""


class Kind(StrEnum):
    """Why a due entry was left for Python."""

    RECURRING = "recurring"
    VIA_RQ = "via_rq"


@dataclass(frozen=True, slots=True)
class Left:
    """A due entry that needs Python. `index` is the zset that holds it, and `place` where in that it stands."""

    kind: Kind
    id: str
    due: int
    queue: str
    index: str
    place: Cursor


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call handed off and found. `now` is the server's clock, `next_due` the first entry to come, `cursor`
    the last one read, and `more` whether there may be more behind it. `fires` has what was handed off, one-offs too,
    `unplanned` says how many recurring jobs wait for their plan, and `misfit` what is wrong with a key that they need.
    `schedules_due` is when the other schedules are due, `buffered_due` when a buffered run is to be looked at,
    `plan_due` when something is to be planned, `via_rq_due` when a run that RQ has to enqueue may be taken, `ended_due`
    when jobs whose series has ended want to be looked at, `parked_due` when those that are parked do, `pause_ends` when
    a pause ends by itself, `follow_due` when runs are to be followed."""

    now: int
    next_due: int | None
    cursor: Cursor | None
    more: bool
    fires: Fires
    left: list[Left]
    dropped: list[Dropped]
    unplanned: int
    misfit: str
    schedules_due: int | None
    buffered_due: int | None
    plan_due: int | None
    via_rq_due: int | None
    ended_due: int | None
    parked_due: int | None
    pause_ends: int | None
    follow_due: int | None


@dataclass(frozen=True, slots=True)
class RegistryBatch:
    """The same for RQ's own registries. `taken_on`: queues served for the first time, and how many are held."""

    now: int
    cursor: bytes
    next_due: int | None
    handed_off: list[HandedOff]
    left: list[Left]
    dropped: list[Dropped]
    taken_on: list[tuple[str, int]]
    behind: int


class HandOffCommands(Commands):
    """Operations of the dispatchers."""

    @operation
    def hand_off_jobs(
        self,
        cursor: Cursor | None,
        limit: int,
        *,
        all_via_rq: bool = False,
        by_hook: bool = False,
        all_meta: bool = False,
        tell: bool = True,
        dispatcher: str = "",
    ) -> Command[Batch | Fenced]:
        """Hands off up to `limit` due entries, from `cursor` on, and fires those that recur. `by_hook`: the
        application's own code hands off each, and is left all of them. Without `tell`, what was handed off is only
        counted, which takes Redis a tenth less time."""

        def read(reply: Sequence[Any]) -> Batch | Fenced:
            if reply[0] == b"fenced":
                return fenced(reply)
            _, now, next_due, last_due, last_id, more, entered, left, dropped, *rest = reply
            more_is_due, unplanned, misfit, *rest = rest
            *rest, late = rest
            fires = read_fires(now, [*rest[:3], late], more_is_due)
            fires.handed_off[:0] = _handed_off(entered)
            return Batch(
                int(now),
                us_of(next_due) if next_due else None,
                (last_due, last_id) if last_due else None,
                more == b"1",
                fires,
                _left(left, lambda _: self.keys.scheduled_jobs),
                dropped_of(dropped),
                int(unplanned),
                text(misfit),
                *(us_of(due) if due else None for due in rest[3:]),
            )

        return self._script(
            "hand_off_jobs",
            self.keys.scheduled_jobs,
            *(*fence_arguments(self.keys), *(cursor or (b"", b"")), limit, "1" if by_hook else "0"),
            *(DEFAULT_TIMEOUT, "1" if all_via_rq else "0", "1" if all_meta else "0", ID_PATTERN, "1" if tell else "0"),
            dispatcher,
            read=read,
        )

    @operation
    def serve_registries(
        self, cursor: bytes, limit: int, overdue: str, passed_over: Collection[str] = ()
    ) -> Command[RegistryBatch | Fenced]:
        """Hands off what is due in RQ's own registries of up to about 200 queues, from `cursor` (b"0" to begin), but
        the ids `passed_over`."""

        def read(reply: Sequence[Any]) -> RegistryBatch | Fenced:
            if reply[0] == b"fenced":
                return fenced(reply)
            _, now, next_cursor, next_due, handed_off, left, dropped, news, behind = reply
            return RegistryBatch(
                int(now),
                next_cursor,
                us_of(next_due) if next_due else None,
                _handed_off(handed_off),
                _left(left, lambda queue: scheduled_registry_key(self.keys.prefix, queue)),
                dropped_of(dropped),
                [(text(queue), int(held)) for queue, held in rows(news, 2)],
                int(behind),
            )

        return self._script(
            "serve_registries",
            queues_key(self.keys.prefix),
            *(*fence_arguments(self.keys), cursor, limit, DEFAULT_TIMEOUT),
            *(SCHEDULER_LOCK_OWNER, SCHEDULER_LOCK_TTL, overdue, LONG_OVERDUE),
            *(wire(id) for id in passed_over),
            read=read,
        )

    @operation
    def quarantine(self, id: str, due: int, reason: str) -> Command[bool]:
        """Moves a recurring job into quarantine; False when it has moved on meanwhile."""
        return self._script("quarantine_entry", self.keys.scheduled_jobs, wire(id), score_of(due), reason, read=is_ok)

    @operation
    def claim(self, index: str, id: str, due: int, lease: int) -> Command[bool]:
        """Takes the lease on an entry for `lease` seconds; False when another has it, or it has moved on."""
        return self._script(
            "claim_entry", index, wire(id), score_of(due), lease, *fence_arguments(self.keys), read=is_ok
        )

    @operation
    def release_claim(self, id: str) -> Command[int]:
        """Gives a lease back."""
        return call("ZREM", self.keys.claims, wire(id), read=int)

    @operation
    def is_waiting(self, id: str, queue: str) -> Procedure[bool]:
        """Whether the id is in its queue's list, or among those that a worker has just taken from it."""
        for key in (queue_key, intermediate_key):
            if (yield from call("LPOS", key(self.keys.prefix, queue), wire(id))) is not None:
                return True
        return False


def rows(flat: Sequence[Any], width: int) -> Iterator[tuple[Any, ...]]:
    """A flat list, so many at a time."""
    return zip(*(flat[i::width] for i in range(width)), strict=True)


def fenced(reply: Sequence[Any]) -> Fenced:
    """The reply of a script that somebody else's lock has kept from its work."""
    return Fenced(int(reply[1]), text(reply[2]), int(reply[3]))


def _handed_off(flat: Sequence[Any]) -> list[HandedOff]:
    return [HandedOff(text(id), us_of(due), text(queue)) for id, due, queue in rows(flat, 3)]


def _left(flat: Sequence[Any], index_of: Callable[[str], str]) -> list[Left]:
    """`index_of`: the index, by the queue."""
    return [
        Left(Kind(text(kind)), text(id), us_of(due), text(queue), index_of(text(queue)), (due, id))
        for kind, id, due, queue in rows(flat, 4)
    ]


def dropped_of(flat: Sequence[Any]) -> list[Dropped]:
    """What a script has dropped: {id, due, reason, ...}."""
    return [Dropped(text(id), us_of(due), text(reason)) for id, due, reason in rows(flat, 3)]
