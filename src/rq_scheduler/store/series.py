"""Recurring jobs of the 0.14 API beyond their fires, as dispatchers see them: adopting them, looking after their
records, and after what they leave in RQ when they have ended.

Knows nothing of when they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from rq_scheduler.model import Spec, encode_spec
from rq_scheduler.store.base import Operations, armed_text, score_of, text, wire
from rq_scheduler.store.handoff import Record

ADOPTED_BYTES = 256 * 1024
"""Bytes of jobs after which a step of an adoption ends."""

TENDED = 100
"""Jobs of ended series that are looked at in one step."""


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


class SeriesOperations(Operations):
    """Operations on recurring jobs of the 0.14 API."""

    def adopt(self, adoptions: Sequence[Adoption]) -> list[Record | Unadopted]:
        """Makes schedules of recurring jobs as they were read; each one for itself, in few steps."""
        adopted: list[Record | Unadopted] = []
        while len(adopted) < len(adoptions):
            rest = adoptions[len(adopted) :]
            reply = self._run(
                "adopt_jobs",
                self.keys.scheduled_jobs,
                *(self.keys.prefix, ADOPTED_BYTES),
                *(part for each in rest for part in _adoption_arguments(each)),
            )
            adopted += [
                _adopted(each, rev) if outcome == b"adopted" else Unadopted(text(outcome))
                for each, outcome, rev in zip(rest, reply[::2], reply[1::2], strict=True)
                if outcome != b"later"
            ]
        return adopted

    def tend_schedules(self, cursor: int, size: int) -> int:
        """Looks after the records of about `size` recurring jobs, from `cursor` (0 to begin): keeps RQ from expiring
        their jobs, and drops those whose entry a foreign client took away. Returns the next cursor, 0 at the end."""
        after, members = self.connection.zscan(self.keys.schedules, cursor, count=size)
        for first in range(0, len(members), size):
            ids = [id for id, _ in members[first : first + size]]
            self._run("tend_schedules", self.keys.scheduled_jobs, self.keys.prefix, *ids)
        return int(after)

    def tend_ended(self) -> int:
        """Looks at jobs whose series ended while RQ had a run of them: once that is over, they expire. Returns how many
        were over."""
        return int(self._run("tend_ended", self.keys.scheduled_jobs, self.keys.prefix, TENDED)[1])

    def forget_schedule(self, record: Record) -> bool:
        """Drops the record of a job that no longer recurs; False when it has changed meanwhile."""
        reply = self._run("forget_schedule", self.keys.scheduled_jobs, self.keys.prefix, wire(record.id), record.rev)
        return reply[0] == b"ok"


def _adoption_arguments(adoption: Adoption) -> tuple[Any, ...]:
    record, repeat = adoption.record, adoption.repeat
    spec = encode_spec(adoption.spec)
    return (
        *(wire(record.id), score_of(record.due), record.meta, record.created_at, record.rev),
        *(spec, "" if repeat is None else repeat, armed_text(record.nominal, record.due)),
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
