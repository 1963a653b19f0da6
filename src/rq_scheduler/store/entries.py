"""Pending entries as clients see them: save, cancel, move, count, read. Each is one atomic script.

A one-off whose id RQ has a live job of is parked until that has ended, which all of these know. Knows nothing of
handing off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec

from rq_scheduler.errors import IdTaken, InvalidArgument
from rq_scheduler.model import Spec, encode_spec
from rq_scheduler.planning import Instant
from rq_scheduler.store.audit import Changes, changes_text
from rq_scheduler.store.base import MOST, armed_text, flag, is_ok, mapping, pairs, score_of, text, us_of
from rq_scheduler.store.command import Command, Commands, Listing, Procedure, call
from rq_scheduler.store.operation import listing, operation
from rq_scheduler.store.packing import encoded
from rq_scheduler.store.rq_format import job_key

PAGE = 200
"""Jobs in one page of a read: one round trip, and a bounded share of memory."""

PAGE_BYTES = 1_000_000
"""Bytes of jobs after which a page ends before it is full: what Redis copies in a millisecond or two."""


@dataclass(slots=True)
class NewEntry:
    """A job to be saved, and when it is due (microseconds since the epoch).

    `spec` says that it recurs; then `nominal` is the time that jitter has moved, and `repeat` the number of runs.
    """

    id: str
    key: str
    due: int
    fields: Mapping[str, Any]
    spec: Spec | None = None
    nominal: int | None = None
    repeat: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """When an entry is due (microseconds), and whether it is parked: RQ still has a live job of its id."""

    due: int
    parked: bool


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A pending entry as it stands in Redis: `fields` is RQ's job hash, ready for `Job.restore`."""

    id: str
    due: int
    fields: Mapping[bytes, bytes]


def _shared(entries: Sequence[NewEntry]) -> dict[str, Any]:
    """The fields that are the same in all of them, where there are several."""
    if len(entries) < 2:
        return {}
    shared = dict(entries[0].fields)
    for entry in entries[1:]:
        fields = entry.fields
        for name in [name for name, value in shared.items() if not _same(fields.get(name), value)]:
            del shared[name]
    return shared


def _same(one: Any, other: Any) -> bool:
    return one is other or (one == other and type(one) is type(other))


def _packed(entries: Sequence[NewEntry]) -> tuple[bytes, bytes]:
    """The entries as `save_jobs` takes them: two arguments, which redis-py and Redis take apart faster than dozens for
    each. What all jobs have is there once, and what is no ASCII apart, since Lua's MessagePack has no bytes."""
    apart: list[bytes] = []

    def packed(value: Any) -> str | int:
        """The text, or the length of what is put apart."""
        if type(value) is str and value.isascii():
            return value
        data = value if type(value) is bytes else encoded(value)
        if data.isascii():
            return data.decode()
        apart.append(data)
        return len(data)

    def fields(values: Mapping[str, Any], beside: Mapping[str, Any]) -> tuple[list[str], list[str | int]]:
        """Names and values that are text, and names and lengths of the others."""
        texts: list[str] = []
        lengths: list[str | int] = []
        for name, value in values.items():
            if name in beside:
                continue
            known = value if type(value) is str and value.isascii() else packed(value)
            name = name if type(name) is str else encoded(name).decode()
            if type(known) is str:
                texts += (name, known)
            else:
                lengths += (name, known)
        return texts, lengths

    shared = _shared(entries)
    lines: list[Any] = [fields(shared, {})]
    for entry in entries:
        spec = encode_spec(entry.spec) if entry.spec else ""
        repeat = "" if entry.repeat is None else str(entry.repeat)
        armed = "" if entry.nominal is None else armed_text(Instant(entry.nominal, entry.due))
        head = (entry.id, entry.key, score_of(entry.due), spec, repeat, armed)
        lines.append((*map(packed, head), *fields(entry.fields, shared)))
    return msgspec.msgpack.encode(lines), b"".join(apart)


class EntryCommands(Commands):
    """Operations on the index of entries that have a job hash."""

    @operation
    def save(self, entries: Sequence[NewEntry]) -> Command[dict[str, int]]:
        """Saves jobs with their entries, all or none; each replaces a pending entry of the same id. A one-off is parked
        while RQ has a live job of its id. Returns when recurring jobs of the very same definition that were replaced
        would have run, in microseconds, where that was later.

        Raises IdTaken when an id is that of a schedule, InvalidArgument when a job's key holds something else.
        """
        return self._script("save_jobs", self.keys.scheduled_jobs, *_packed(entries), read=_saved)

    @operation
    def cancel(
        self, id: str, keep_for: int, *, at_most: bool = False, due: int | None = None, audited: bool = False
    ) -> Command[bool]:
        """Takes an entry out of the index; its job, if it would never expire, is kept for `keep_for` seconds, or in any
        case for no longer (`at_most`). `audited`: of a one-off too, the audit says who did it; programs cancel too many
        for that.

        False when the id is not pending, or is for another time than `due` (microseconds): then nothing is touched.
        """
        key, only = job_key(self.keys.prefix, id), "" if due is None else score_of(due)
        arguments = (id, key, keep_for, flag(at_most), only, self.actor, flag(audited))
        return self._script("cancel_job", self.keys.scheduled_jobs, *arguments, read=is_ok)

    @operation
    def reschedule(self, id: str, due: int, *, audited: bool = False) -> Command[bool]:
        """Moves an entry to another time (microseconds). False when the id is neither pending nor parked. `audited` as
        in `cancel`."""
        arguments = (id, score_of(due), self.actor, flag(audited))
        return self._script("reschedule_job", self.keys.scheduled_jobs, *arguments, read=is_ok)

    @operation
    def redefine(self, id: str, rev: str, due: int, spec: Spec, armed: Instant, changes: Changes) -> Command[bool]:
        """Gives a recurring job, as it was read (`rev`, `due`), another spec and its next time; `changes` says for the
        audit what that changes. False when it has changed meanwhile: then nothing is touched."""
        next_armed = (score_of(armed.due), armed_text(armed))
        arguments = (id, rev, score_of(due), encode_spec(spec), *next_armed, self.actor, changes_text(changes))
        return self._script("redefine_job", self.keys.scheduled_jobs, *arguments, read=is_ok)

    @operation
    def find(self, id: str) -> Command[Place | None]:
        """Where the id stands; None when it is neither pending nor parked."""

        def read(reply: Sequence[Any]) -> Place | None:
            return Place(us_of(reply[0]), reply[1] == b"1") if reply else None

        return self._script("find_job", self.keys.scheduled_jobs, id, read=read)

    @operation
    def due_of(self, id: str) -> Procedure[int | None]:
        """When an entry is due, in microseconds; None when the id is neither pending nor parked."""
        place = yield from self.find(id)
        return None if place is None else place.due

    @operation
    def count(self, until: int | None = None) -> Command[int]:
        """Entries, or those due no later than `until` (microseconds)."""
        greatest = "" if until is None else score_of(until)
        return self._script("count_jobs", self.keys.scheduled_jobs, greatest, read=itemgetter(0))

    @operation
    def job(self, id: str) -> Command[StoredJob | None]:
        """One entry with its job; None when the id is neither pending nor parked, or its job is gone."""

        def read(reply: Sequence[Any]) -> StoredJob | None:
            return StoredJob(id, us_of(reply[0]), pairs(reply[1])) if reply and reply[1] else None

        return self._script("read_job", self.keys.scheduled_jobs, id, read=read)

    @operation
    def job_fields(self, id: str) -> Command[Mapping[bytes, bytes]]:
        """RQ's hash of a job, pending or not; empty when there is none."""
        return call("HGETALL", job_key(self.keys.prefix, id), read=mapping)

    @listing
    def pages(
        self,
        until: int | None = None,
        offset: int | None = None,
        length: int | None = None,
        size: int = PAGE,
        behind: tuple[int, str] | None = None,
    ) -> Listing[list[StoredJob]]:
        """Entries with their jobs in due order, a page a round trip; those whose job is gone are left out.

        `until` is in microseconds; `offset` and `length` count entries, as they stand when the first page is read.
        `behind` is a due time (us) and an id: those that come behind it in that order, whether it is still there or
        not; an empty id begins at that time.
        """
        greatest = "+inf" if until is None else score_of(until)
        last: tuple[Any, Any] = ("", "") if behind is None else (score_of(behind[0]), behind[1])
        skip, left = min(offset or 0, MOST), length
        while left is None or left > 0:
            limit = size if left is None else min(size, left)
            rows = yield from self._script(
                "read_page", self.keys.scheduled_jobs, greatest, *last, skip, limit, PAGE_BYTES, read=_rows
            )
            if any(row[2] for row in rows):
                yield [StoredJob(text(id), us_of(due), pairs(fields)) for id, due, fields in rows if fields]
            if not rows:
                return
            last, skip = (rows[-1][1], rows[-1][0]), 0
            left = None if left is None else left - len(rows)


def _saved(reply: Sequence[Any]) -> dict[str, int]:
    outcome, *detail = reply
    if outcome == b"taken":
        raise IdTaken(
            f"{text(detail[0])!r} is the id of a schedule: give the job another id, or delete the schedule first"
        )
    if outcome == b"foreign":
        raise InvalidArgument(
            f"the key {text(detail[0])} holds something that is no RQ job: give the job another id, or remove that key"
        )
    return {text(id): us_of(due) for id, due in detail}


def _rows(flat: Sequence[Any]) -> list[tuple[Any, Any, Any]]:
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
