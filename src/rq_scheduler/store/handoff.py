"""The hand-off as dispatchers see it: batches from the index into RQ's queues, each one atomic script.

Reads and writes what it is told; what fires when is decided in `planning`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rq_scheduler.model import Spec
from rq_scheduler.planning import Plan
from rq_scheduler.store.base import Operations, armed_text, fence_arguments, is_ok, moment, score_of, text, us_of, whole
from rq_scheduler.store.command import Command, Commands, Procedure, call, wire
from rq_scheduler.store.history import missed_part
from rq_scheduler.store.operation import operation
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

    SCHEDULE = "schedule"
    RECURRING = "recurring"
    VIA_RQ = "via_rq"


class Outcome(StrEnum):
    """What became of one planned fire."""

    FIRED = "fired"
    SKIPPED = "skipped"
    BUFFERED = "buffered"
    WAITING = "waiting"
    ADVANCED = "advanced"
    DELETED = "deleted"
    STALE = "stale"
    EARLY = "early"
    CHANGED = "changed"
    VERIFY = "verify"
    SLOW = "slow"
    BROKEN = "broken"


Cursor = tuple[bytes, bytes]
"""Due and id of the last entry read, as Redis gave them."""


@dataclass(frozen=True, slots=True)
class HandedOff:
    """One job that has entered its queue."""

    id: str
    due: int
    queue: str


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
class Dropped:
    """An entry that was taken out without a run: canceled through RQ, or quarantined with a reason."""

    id: str
    due: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fenced:
    """Something else holds the fence, for so many milliseconds more (-1: without end)."""

    now: int
    holder: str
    ttl_ms: int

    def __str__(self) -> str:
        left = f" for {self.ttl_ms / 1000:.1f} s more" if self.ttl_ms >= 0 else ", and never expires"
        return f"rq:scheduler_lock is held by {self.holder!r}{left}: a 0.14 daemon in its pass, or one that was killed"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call handed off and found. `now` is the server's clock, `next_due` the first entry to come, `cursor`
    where the next call goes on, if there is more. `queues` says how many jobs entered each queue, `handed_off` which,
    if that was asked for. `schedules_due` is when the other schedules are due, `buffered_due` when a buffered run is to
    be looked at, `plan_due` when a schedule is to be planned, `via_rq_due` when a run that RQ has to enqueue may be
    taken, `ended_due` when jobs whose series has ended want to be looked at, `parked_due` when those that are parked
    do, `pause_ends` when a pause ends by itself."""

    now: int
    next_due: int | None
    cursor: Cursor | None
    queues: dict[str, int]
    handed_off: list[HandedOff]
    left: list[Left]
    dropped: list[Dropped]
    ahead: list[tuple[str, int]]
    schedules_due: int | None
    buffered_due: int | None
    plan_due: int | None
    via_rq_due: int | None
    ended_due: int | None
    parked_due: int | None
    pause_ends: int | None


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


@dataclass(frozen=True, slots=True)
class Record:
    """What a plan needs of a recurring job: its record, and its job as it stands. `repeat` is the number of runs left,
    `nominal` the armed time before jitter, `copy_bytes` the size of what an expired job is rebuilt from."""

    id: str
    due: int
    rev: str
    spec: bytes
    adopted_meta: bytes
    adopted_created_at: bytes
    meta: bytes
    created_at: bytes
    buffered: int | None
    repeat: int | None = None
    nominal: int = 0
    copy_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Fire:
    """A plan with all that its commit compares and writes. `looked_up` is '', 'gone' or 'there'.

    `meta` replaces the job's when it runs; `last` says that no run follows this one."""

    record: Record
    plan: Plan
    spec: Spec
    meta: bytes = b""
    last: bool = False
    looked_up: str = ""
    buffered: bool = False


class HandOffCommands(Commands):
    """Operations of the dispatchers."""

    @operation
    def hand_off_jobs(
        self,
        cursor: Cursor | None,
        limit: int,
        look_ahead: int,
        *,
        all_via_rq: bool = False,
        all_meta: bool = False,
        tell: bool = True,
    ) -> Command[Batch | Fenced]:
        """Hands off up to `limit` due entries, from `cursor` on; tells of schedules due within `look_ahead` us. Without
        `tell`, what was handed off is only counted, which takes Redis a tenth less time."""

        def read(reply: Sequence[Any]) -> Batch | Fenced:
            if reply[0] == b"fenced":
                return fenced(reply)
            _, now, next_due, last_due, last_id, counts, handed_off, left, dropped, ahead, *others = reply
            return Batch(
                int(now),
                us_of(next_due) if next_due else None,
                (last_due, last_id) if last_due else None,
                {text(queue): count for queue, count in rows(counts, 2)},
                _handed_off(handed_off),
                _left(left, lambda _: self.keys.scheduled_jobs),
                dropped_of(dropped),
                [(text(id), us_of(due)) for id, due in rows(ahead, 2)],
                *(us_of(due) if due else None for due in others),
            )

        return self._script(
            "hand_off_jobs",
            self.keys.scheduled_jobs,
            *(*fence_arguments(self.keys), *(cursor or (b"", b"")), limit, score_of(look_ahead), DEFAULT_TIMEOUT),
            *("1" if all_via_rq else "0", "1" if all_meta else "0", ID_PATTERN, "1" if tell else "0"),
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


class HandOffOperations(Operations):
    """Operations on recurring jobs of the 0.14 API that are no commands yet."""

    def read_schedules(self, ids: Sequence[str]) -> tuple[int, list[Record]]:
        """The server's time, and the records of those recurring jobs that are pending."""
        return self._read_records(self.keys.scheduled_jobs, ids)

    def read_remembering(self, ids: Sequence[str]) -> tuple[int, list[Record]]:
        """The same for schedules that remember a run; `due` is the time of their next check."""
        return self._read_records(self.keys.buffered, ids)

    def _read_records(self, source: str, ids: Sequence[str]) -> tuple[int, list[Record]]:
        now, *rows = self._run(
            "read_schedules", self.keys.scheduled_jobs, self.keys.prefix, source, *(wire(id) for id in ids)
        )
        return int(now), [_record(id, row) for id, row in zip(ids, rows, strict=True) if row[0]]

    def commit_fires(
        self, fires: Sequence[Fire], *, all_slow: bool = False
    ) -> tuple[int, list[tuple[Outcome, str]]] | Fenced:
        """Commits planned fires, each if nothing has changed. Returns the server's time, and an outcome and a queue
        name for each."""
        arguments: list[Any] = [self.keys.prefix, *self._fence, DEFAULT_TIMEOUT, "1" if all_slow else "0"]
        for fire in fires:
            arguments += _commit_arguments(fire)
        reply = self._run("commit_fires", self.keys.scheduled_jobs, *arguments)
        if reply[0] == b"fenced":
            return fenced(reply)
        return int(reply[1]), [(Outcome(text(outcome)), text(queue)) for outcome, queue in rows(reply[2:], 2)]


def _record(id: str, row: Sequence[Any]) -> Record:
    due, rev, spec, adopted_meta, adopted_at, meta, created_at, buffered, repeat, armed, copy_bytes = row
    nominal, _, armed_due = armed.partition(b":")
    named = moment(nominal)
    return Record(
        id,
        us_of(due),
        text(rev),
        spec,
        adopted_meta,
        adopted_at,
        meta,
        created_at,
        moment(buffered),
        whole(repeat),
        # Somebody may have moved the entry since: then its time is its nominal time.
        named if named is not None and whole(armed_due) == us_of(due) else us_of(due),
        int(copy_bytes),
    )


def _commit_arguments(fire: Fire) -> list[Any]:
    plan, record = fire.plan, fire.record
    missed = plan.missed
    return [
        wire(record.id),
        record.rev,
        score_of(record.due),
        plan.not_before,
        "" if plan.valid_until is None else plan.valid_until,
        "" if plan.nominal is None else plan.nominal,
        "" if plan.next is None else score_of(plan.next.due),
        "" if plan.next is None else armed_text(plan.next.nominal, plan.next.due),
        "1" if fire.last else "0",
        missed.count if missed else 0,
        missed_part(missed) if missed else "",
        fire.meta,
        fire.looked_up,
        "buffered" if fire.buffered else "index",
        fire.spec.overlap,
    ]


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
