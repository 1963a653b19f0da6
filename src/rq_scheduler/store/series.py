"""Recurring jobs of the 0.14 API beyond their fires, as dispatchers see them: adopting them, looking after their
records, and after what they leave in RQ when they have ended.

Knows nothing of when they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, cast

from rq_scheduler.model import Spec, encode_spec
from rq_scheduler.planning import Instant
from rq_scheduler.store.base import armed_instant, armed_text, is_ok, score_of, text, whole, wire
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline
from rq_scheduler.store.operation import operation
from rq_scheduler.store.rq_format import job_key

ADOPTED_BYTES = 256 * 1024
"""Bytes of jobs after which a step of an adoption ends."""

TENDED = 100
"""Jobs of ended series that are looked at in one step."""


@dataclass(frozen=True, slots=True)
class Record:
    """A recurring job: its record, and its job as it stands. `repeat` is the number of runs left, `nominal` the armed
    time before jitter."""

    id: str
    due: int
    rev: str
    spec: bytes
    adopted_meta: bytes
    adopted_created_at: bytes
    meta: bytes
    created_at: bytes
    repeat: int | None = None
    nominal: int = 0

    @property
    def is_changed(self) -> bool:
        """Whether its job is another than the one that was adopted. One that was deleted says nothing."""
        if not self.created_at:
            return False
        if self.created_at != self.adopted_created_at:
            return True
        return bool(self.meta) and self.meta != self.adopted_meta


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a recurring job as it was read becomes: `repeat` is the number of runs left, None for no limit."""

    record: Record
    spec: Spec
    repeat: int | Literal["keep"] | None = "keep"


class Unadopted(StrEnum):
    """Why a job was not adopted: it, or its record, has changed meanwhile, or something else stands under that key."""

    CHANGED = "changed"
    FOREIGN = "foreign"


class SeriesCommands(Commands):
    """Operations on recurring jobs of the 0.14 API."""

    @operation
    def read_recurring(self, ids: Sequence[str]) -> Procedure[list[Record]]:
        """Those of these jobs that are pending, with their records, if they have any."""
        keys = self.keys
        replies = yield from pipeline(
            each
            for id in ids
            for each in (
                call("ZSCORE", keys.scheduled_jobs, wire(id)),
                call("HMGET", keys.schedule(id), *_RECORD),
                call("HMGET", job_key(keys.prefix, id), "meta", "created_at"),
            )
        )
        rows = zip(ids, replies[::3], replies[1::3], replies[2::3], strict=True)
        return [_record(id, score, record, job) for id, score, record, job in rows if isinstance(score, bytes | float)]

    @operation
    def want_plans(self, ids: Sequence[str], at: int) -> Command[int]:
        """Has recurring jobs planned from that moment (us) on."""
        return call(
            "ZADD", self.keys.unplanned, "NX", *(each for id in ids for each in (score_of(at), wire(id))), read=int
        )

    @operation
    def adopt(self, adoptions: Sequence[Adoption]) -> Procedure[list[Record | Unadopted]]:
        """Makes schedules of recurring jobs as they were read; each one for itself, in few steps."""
        adopted: list[Record | Unadopted] = []
        while len(adopted) < len(adoptions):
            rest = adoptions[len(adopted) :]
            arguments = [part for each in rest for part in _adoption_arguments(each)]
            reply = yield from self._script("adopt_jobs", self.keys.scheduled_jobs, ADOPTED_BYTES, *arguments)
            adopted += [
                _adopted(each, rev) if outcome == b"adopted" else Unadopted(text(outcome))
                for each, outcome, rev in zip(rest, reply[::2], reply[1::2], strict=True)
                if outcome != b"later"
            ]
        return adopted

    @operation
    def tend_schedules(self, cursor: int, size: int) -> Procedure[int]:
        """Looks after the records of about `size` recurring jobs, from `cursor` (0 to begin): keeps RQ from expiring
        their jobs, and drops those whose entry a foreign client took away. Returns the next cursor, 0 at the end."""
        after, members = yield from call("ZSCAN", self.keys.schedules, cursor, "COUNT", size)
        for first in range(0, len(members), size):
            ids = [id for id, _ in members[first : first + size]]
            yield from self._script("tend_schedules", self.keys.scheduled_jobs, *ids)
        return int(after)

    @operation
    def tend_ended(self) -> Command[int]:
        """Looks at jobs whose series ended while RQ had a run of them: once that is over, they expire. Returns how many
        were over."""
        return self._script("tend_ended", self.keys.scheduled_jobs, TENDED, read=lambda reply: int(reply[1]))

    @operation
    def forget_schedule(self, record: Record) -> Command[bool]:
        """Drops the record of a job that no longer recurs; False when it has changed meanwhile."""
        return self._script("forget_schedule", self.keys.scheduled_jobs, record.id, record.rev, read=is_ok)


_RECORD = ("kind", "rev", "spec", "meta", "created_at", "repeat", "armed")


def _record(id: str, score: Any, record: Any, job: Any) -> Record:
    # What is no hash has none of these.
    kind, rev, spec, adopted_meta, adopted_at, repeat, armed = _values(record, len(_RECORD))
    meta, created_at = _values(job, 2)
    at = armed_instant(score, armed)
    known = text(rev) if kind == b"job" else ""
    return Record(id, at.due, known, spec, adopted_meta, adopted_at, meta, created_at, whole(repeat), at.nominal)


def _values(reply: Any, number: int) -> list[bytes]:
    return [value or b"" for value in cast("list[bytes | None]", reply)] if isinstance(reply, list) else [b""] * number


def _adoption_arguments(adoption: Adoption) -> tuple[Any, ...]:
    record, repeat = adoption.record, adoption.repeat
    spec = encode_spec(adoption.spec)
    return (
        *(record.id, score_of(record.due), record.meta, record.created_at, record.rev),
        *(spec, "" if repeat is None else repeat, armed_text(Instant(record.nominal, record.due))),
    )


def _adopted(adoption: Adoption, rev: int) -> Record:
    record, repeat = adoption.record, adoption.repeat
    return replace(
        record,
        rev=str(rev),
        spec=encode_spec(adoption.spec),
        adopted_meta=record.meta,
        adopted_created_at=record.created_at,
        repeat=record.repeat if repeat == "keep" else repeat,
    )
