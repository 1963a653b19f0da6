"""Schedules as clients see them: read, write, delete, find, history. Each operation is one atomic script.

Knows nothing of handing off. The recurring jobs of the 0.14 API are seen here, and written elsewhere.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rq_scheduler.model import Spec, encode_spec
from rq_scheduler.planning import Instant
from rq_scheduler.store.base import MOST, Operations, moment, pairs, score_of, text, us_of, whole, wire
from rq_scheduler.store.history import HistoryLine, read_line

PAGE = 100
"""Schedules in one read: one round trip, and a few milliseconds of a slow Redis."""

COMING = 500
"""Ids in one read of what comes next."""

WRITES = 100
"""Schedules in one write."""

COPIES = 1024 * 1024
"""Bytes of calls in one write; a larger one is written alone."""

TOMBSTONE_TTL = 86_400
"""Seconds for which it is remembered how far a deleted schedule had come."""


class Written(StrEnum):
    """What became of a write."""

    OK = "ok"
    CHANGED = "changed"
    PENDING = "pending"
    HELD = "held"
    JOB = "job"
    FOREIGN = "foreign"


class Deleted(StrEnum):
    """What became of a deletion."""

    OK = "ok"
    UNKNOWN = "unknown"
    JOB = "job"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Stored:
    """A schedule as it stands in Redis. `kind` is "schedule", or "job" for a recurring job of the 0.14 API; `fields` is
    its record, `template` RQ's hash of its job (all of it when asked for, else a recurring job's description). Times in
    microseconds."""

    id: str
    kind: str
    due: int | None
    last_status: str
    fields: Mapping[str, bytes]
    template: Mapping[bytes, bytes]

    def text(self, name: str) -> str:
        """A field as text; empty when there is none."""
        return text(self.fields.get(name, b""))

    def number(self, name: str) -> int:
        """A field as a whole number; 0 when there is none, or something else stands there."""
        return whole(self.fields.get(name)) or 0

    def moment(self, name: str) -> int | None:
        """A field as microseconds since the epoch; None when there is none, or something else stands there."""
        return moment(self.fields.get(name))

    @property
    def size(self) -> int:
        """Bytes of the call, which each run copies."""
        return self.number("size")

    @property
    def armed(self) -> int | None:
        """The nominal time of the next fire."""
        nominal, _, due = self.fields.get("armed", b"").partition(b":")
        if self.kind == "job" and whole(due) != self.due:
            return self.due  # which is its nominal time, unless both are written down, and nobody has moved it since
        return moment(nominal)


@dataclass(frozen=True, slots=True)
class JobFields:
    """The job that each run of a schedule is a copy of (`fields`, RQ's format), and what is shown of it. `slow`: RQ
    itself has to enqueue it."""

    fields: Mapping[str, Any]
    func: str
    call: str
    queue: str
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """A change of one schedule. `rev` is that of the record as read, empty for a new one. Without `spec`, definition
    and job stay; `armed` is the next instant, None when there is no other, or "keep"; otherwise `armed_as_read`, the
    field of the record, must still be so. `retimed`: other instants than before. `paused` None leaves that and the
    note."""

    id: str
    rev: str
    spec: Spec | None = None
    job: JobFields | None = None
    owner: str = ""
    tags: Sequence[str] = ()
    armed: Instant | str | None = "keep"
    armed_as_read: str = ""
    retimed: bool = False
    paused: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line of history, and what RQ says of the job: status, and when it started and ended (RQ's texts)."""

    line: HistoryLine
    status: str
    started_at: str
    ended_at: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What schedules are looked for; None or empty is any."""

    tag: str | None = None
    queue: str | None = None
    owner: str | None = None
    starts_with: str = ""
    paused: bool | None = None


class ScheduleOperations(Operations):
    """Operations on schedules."""

    def read_definitions(self, ids: Sequence[str], *, templates: bool = True) -> tuple[int, list[Stored | None]]:
        """The server's time, and the schedules of these ids, None for unknown ones; a hundred at most. Without
        `templates`, of their jobs no more than people are shown."""
        names, now = [wire(id) for id in ids], 0
        found: list[Stored | None] = []
        while len(found) < len(ids) or not now:
            now, fields, *rows = self._run(
                "show_schedules",
                self.keys.due_schedules,
                *(self.keys.prefix, "1" if templates else "0", *names[len(found) :]),
            )
            known = [text(name) for name in fields]
            found += [_stored(id, known, row) for id, row in zip(ids[len(found) :], rows, strict=False)]
        return int(now), found

    def write_schedules(self, writes: Sequence[Write]) -> list[tuple[Written, str]]:
        """Makes these changes, each if the schedule is still what was read; a few hundred at most. Returns what became
        of each, and its new rev."""
        written: list[tuple[Written, str]] = []
        for batch in _batches(writes):
            arguments = [argument for write in batch for argument in _write_arguments(write)]
            reply = self._run("write_schedules", self.keys.due_schedules, self.keys.prefix, *arguments)
            written += [(Written(text(what)), text(rev)) for what, rev in zip(reply[1::2], reply[2::2], strict=True)]
        return written

    def delete_schedule(self, id: str, owner: str | None = None) -> Deleted:
        """Deletes a schedule (of that owner)."""
        reply = self._run(
            "delete_schedule",
            self.keys.due_schedules,
            *(self.keys.prefix, wire(id), "*" if owner is None else owner, TOMBSTONE_TTL),
        )
        return Deleted(text(reply[0]))

    def rename_schedule(self, stored: Stored, id: str) -> bool:
        """Gives a schedule, as it was read, another id; False, with nothing written, when it has changed, or something
        has that id."""
        reply = self._run(
            "rename_schedule",
            self.keys.due_schedules,
            *(self.keys.prefix, wire(stored.id), stored.text("rev"), wire(id), TOMBSTONE_TTL),
        )
        return reply[0] == b"ok"

    def count_schedules(self) -> int:
        """How many schedules there are, recurring jobs of the 0.14 API included."""
        return self.connection.zcard(self.keys.schedules)

    def has_schedule(self, id: str) -> bool:
        """Whether a schedule has this id."""
        return self.connection.zscore(self.keys.schedules, wire(id)) is not None

    def find_schedules(self, wanted: Filter, offset: int = 0, limit: int | None = None) -> Iterator[list[str]]:
        """The ids that fit, in order, a page at a time."""
        lists = [
            self.keys.schedules_of(what, name)
            for what, name in (("tag", wanted.tag), ("queue", wanted.queue), ("owner", wanted.owner))
            if name
        ]
        paused = "" if wanted.paused is None else "1" if wanted.paused else "0"
        behind, offset = "", min(offset, MOST)
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            last, left, *ids = self._run(
                "find_schedules",
                self.keys.schedules,
                *(self.keys.prefix, wanted.starts_with, wire(behind), offset, size, paused, *lists),
            )
            offset = int(left)
            if ids:
                yield [text(id) for id in ids]
            if not last:
                return
            behind = text(last)
            limit = None if limit is None else limit - len(ids)

    def pending_ids(self, ids: Sequence[str]) -> list[str]:
        """Those of these ids that pending jobs have: one-offs, or recurring jobs of the 0.14 API."""
        if not ids:
            return []
        scores: Sequence[float | None] = self.connection.zmscore(self.keys.scheduled_jobs, list(ids))
        return [id for id, score in zip(ids, scores, strict=True) if score is not None]

    def coming(self, first: int) -> Iterator[tuple[int, str]]:
        """When each armed schedule is due (microseconds), and its id, in due order; read as they are used, `first` to
        begin with. One that fires meanwhile may come twice."""
        of_jobs = self._coming(self.keys.schedules_of("jobs"), self.keys.scheduled_jobs, first)
        return heapq.merge(self._coming(self.keys.due_schedules, self.keys.due_schedules, first), of_jobs)

    def _coming(self, listed: str, index: str, first: int) -> Iterator[tuple[int, str]]:
        size = min(first, COMING)
        waiting: list[tuple[int, str]] = []
        behind: tuple[bytes, bytes] = (b"", b"")
        while True:
            moved, page = self._run("read_coming", listed, self.keys.prefix, index, *behind, size)
            rows = [(us_of(due), text(id)) for id, due in zip(moved[::2], moved[1::2], strict=True)]
            rows += [(us_of(due), text(id)) for id, due in zip(page[::3], page[2::3], strict=True) if due]
            for row in rows:
                heapq.heappush(waiting, row)
            if len(page) < 3 * size:
                break
            behind, size = (page[-2], page[-3]), COMING
            # None behind it in the list is due before that.
            while waiting and waiting[0] <= (us_of(behind[0]), text(behind[1])):
                yield heapq.heappop(waiting)
        while waiting:
            yield heapq.heappop(waiting)

    def read_runs(self, id: str, limit: int) -> tuple[int, str, list[RunLine]]:
        """The server's time, the kind of the schedule, empty for an unknown one, and its history, newest first."""
        now, kind, *rows = self._run("read_runs", self.keys.schedules, self.keys.prefix, wire(id), min(limit, MOST))
        lines = [
            RunLine(read, *(text(each) for each in known))
            for line, *known in rows
            if (read := read_line(line)) is not None
        ]
        return int(now), text(kind), lines


def _stored(id: str, names: Sequence[str], row: Sequence[Any]) -> Stored | None:
    due, last_status, record, template = row
    fields = {name: value for name, value in zip(names, record, strict=False) if value is not None}
    if not fields.get("kind"):
        return None
    return Stored(id, text(fields["kind"]), us_of(due) if due else None, text(last_status), fields, pairs(template))


def _batches(writes: Sequence[Write]) -> Iterator[list[Write]]:
    batch: list[Write] = []
    size = 0
    for write in writes:
        data = 0 if write.job is None else len(write.job.fields.get("data", b""))
        if len(batch) == WRITES or (batch and size + data > COPIES):
            yield batch
            batch, size = [], 0
        batch.append(write)
        size += data
    if batch:
        yield batch


def _write_arguments(write: Write) -> list[Any]:
    job = write.job or JobFields({}, "", "", "")
    armed, due = "keep", ""
    if write.armed is None:
        armed = ""
    elif isinstance(write.armed, Instant):
        armed, due = f"{write.armed.nominal}:{write.armed.due}", score_of(write.armed.due)
    arguments: list[Any] = [
        write.id,
        write.rev,
        b"" if write.spec is None else encode_spec(write.spec),
        armed,
        write.armed_as_read,
        due,
        "1" if write.retimed else "0",
        "keep" if write.paused is None else "1" if write.paused else "0",
        write.note,
        job.func,
        job.call,
        job.queue,
        write.owner,
        "\n".join(write.tags),
        "1" if job.slow else "0",
        len(job.fields),
    ]
    for name, value in job.fields.items():
        arguments += [name, value]
    return arguments
