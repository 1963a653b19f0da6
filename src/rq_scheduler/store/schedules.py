"""Schedules as clients see them: read, write, delete, find, history. Each operation is one atomic script.

Knows nothing of handing off. The recurring jobs of the 0.14 API are seen here, and written elsewhere.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import inf
from typing import Any, TypeVar

from rq_scheduler.model import KEPT_RUNS, Spec, encode_spec
from rq_scheduler.planning import Coming, Instant
from rq_scheduler.store.audit import Changes, changes_text
from rq_scheduler.store.base import MOST, armed_text, is_ok, moment, pairs, score_of, text, us_of, whole
from rq_scheduler.store.command import Command, Commands, Listing, Procedure, call
from rq_scheduler.store.operation import listing, operation
from rq_scheduler.store.packing import packed, packed_fields
from rq_scheduler.store.plans import plan_at_score, plan_text, policy_text
from rq_scheduler.triggers.made_with import made_with

T = TypeVar("T")

PAGE = 100
"""Schedules in one read: one round trip, and a few milliseconds of a slow Redis."""

COMING = 500
"""Ids in one read of what comes next."""

WRITES = 50
"""Schedules in one write: some seven milliseconds of Redis."""

COPIES = 1024 * 1024
"""Bytes of calls in one write; a larger one is written alone."""

TOMBSTONE_TTL = 86_400
"""Seconds for which it is remembered how far a deleted schedule had come."""

VERSIONS_TTL = 30 * 86_400
"""Seconds for which the definitions of a deleted schedule are kept."""


class Written(StrEnum):
    """What became of a write."""

    OK = "ok"
    SAME = "same"
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
    field of the record, must still be so. `coming`: that and those which follow, where it is soon. `retimed`: other
    instants than before. `paused` None leaves that and the note; of a pause, `ends` is when it does so by itself, and
    `in_bulk` whether many were paused together; of its end, `resumed_at` when that was, None for now.

    For the audit, `changes` says what another definition changes, and `restores` which version's it is again.

    `supposed_at`: nothing was read, and this is right where no schedule has the id, at that moment (microseconds) and a
    second from it on; `defined` is the spec before it got an anchor."""

    id: str
    rev: str
    spec: Spec | None = None
    job: JobFields | None = None
    owner: str = ""
    tags: Sequence[str] = ()
    armed: Instant | str | None = "keep"
    coming: Coming | None = None
    armed_as_read: str = ""
    retimed: bool = False
    paused: bool | None = None
    note: str = ""
    ends: int | None = None
    in_bulk: bool = False
    resumed_at: int | None = None
    changes: Changes | None = None
    restores: int | None = None
    supposed_at: int | None = None
    defined: Spec | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What schedules are looked for; None or empty is any. `state` is one of "failing", "late" and "running"."""

    tag: str | None = None
    queue: str | None = None
    owner: str | None = None
    starts_with: str = ""
    paused: bool | None = None
    state: str | None = None


class ScheduleCommands(Commands):
    """Operations on schedules."""

    @operation
    def read_definitions(
        self, ids: Sequence[str], *, templates: bool = True
    ) -> Procedure[tuple[int, list[Stored | None]]]:
        """The server's time, and the schedules of these ids, None for unknown ones; a hundred at most. Without
        `templates`, of their jobs no more than people are shown."""
        now, found = 0, list[Stored | None]()
        while len(found) < len(ids) or not now:
            rest = ids[len(found) :]  # few fit, where they are large
            now, fields, *rows = yield from self._script(
                "show_schedules", self.keys.due_schedules, "1" if templates else "0", *rest
            )
            known = _names(tuple(fields))
            found += [_stored(id, known, row) for id, row in zip(rest, rows, strict=False)]
        return int(now), found

    @operation
    def write_schedule(self, write: Write) -> Command[tuple[Written, int, Stored | None]]:
        """Makes this change, if the schedule is still what was read, or is as supposed. Answers what became of it, the
        server's time, and the schedule as it stands then, where it was not refused; its job unless that was sent."""

        def read(reply: Any) -> tuple[Written, int, Stored | None]:
            now, fields, (outcome, _, *seen) = reply
            stored = _stored(write.id, _names(tuple(fields)), seen[0]) if seen else None
            return Written(text(outcome)), int(now), stored

        return self._write("1", [write], read)

    @operation
    def write_schedules(self, writes: Sequence[Write]) -> Procedure[list[tuple[Written, str]]]:
        """Makes these changes, each if the schedule is still what was read; a few hundred at most. Returns what became
        of each, and its new rev."""
        written: list[tuple[Written, str]] = []
        for batch in _batches(writes):
            written += yield from self._write("0", batch, _outcomes)
        return written

    def _write(self, show: str, writes: Sequence[Write], read: Callable[[Any], T]) -> Command[T]:
        changes = packed([_change(each) for each in writes])
        return self._script("write_schedules", self.keys.due_schedules, show, *changes, self.actor, read=read)

    @operation
    def delete_schedule(self, id: str, owner: str | None = None) -> Command[Deleted]:
        """Deletes a schedule (of that owner)."""
        return self._script(
            "delete_schedule",
            self.keys.due_schedules,
            *(id, "*" if owner is None else owner, TOMBSTONE_TTL, self.actor, VERSIONS_TTL),
            read=lambda reply: Deleted(text(reply[0])),
        )

    @operation
    def rename_schedule(self, stored: Stored, id: str) -> Command[bool]:
        """Gives a schedule, as it was read, another id; False, with nothing written, when it has changed, or something
        has that id."""
        names = (stored.id, stored.text("rev"), id)
        return self._script("rename_schedule", self.keys.due_schedules, *names, TOMBSTONE_TTL, self.actor, read=is_ok)

    @operation
    def count_schedules(self) -> Command[int]:
        """How many schedules there are, recurring jobs of the 0.14 API included."""
        return call("ZCARD", self.keys.schedules, read=int)

    @operation
    def count_in_list(self, wanted: Filter) -> Procedure[int | None]:
        """How many fit, at once; None where more than one list says it."""
        lists = self._lists(wanted) + ([self.keys.schedules_of("paused")] if wanted.paused else [])
        if len(lists) > 1 or wanted.paused is False:
            return None
        key, prefix = lists[0] if lists else self.keys.schedules, wanted.starts_with
        # Ids are ASCII, so that "one byte more" closes a prefix.
        bounds = ("-", "+") if not prefix else (f"[{prefix}".encode(), f"({prefix}".encode() + b"\xff")
        return (yield from call("ZLEXCOUNT", key, *bounds, read=int))

    def _lists(self, wanted: Filter) -> list[str]:
        """Those that say which fit, but for the paused ones."""
        names = (("tag", wanted.tag), ("queue", wanted.queue), ("owner", wanted.owner))
        lists = [self.keys.schedules_of(what, name) for what, name in names if name]
        return [*lists, self.keys.schedules_of(wanted.state)] if wanted.state else lists

    @operation
    def has_schedule(self, id: str) -> Command[bool]:
        """Whether a schedule has this id."""
        return call("ZSCORE", self.keys.schedules, id, read=lambda score: score is not None)

    @listing
    def find_schedules(
        self,
        wanted: Filter,
        offset: int = 0,
        limit: int | None = None,
        behind: str | None = None,
        *,
        page: int = PAGE,
    ) -> Listing[list[str]]:
        """The ids that fit, in order, behind one id, a page at a time."""
        lists = self._lists(wanted)
        paused = "" if wanted.paused is None else "1" if wanted.paused else "0"
        place, offset = (behind or "").encode(errors="replace"), min(offset, MOST)
        while limit is None or limit > 0:
            size = page if limit is None else min(page, limit)
            asked = (wanted.starts_with, place, offset, size, paused, *lists)
            place, left, *ids = yield from self._script("find_schedules", self.keys.schedules, *asked)
            offset = int(left)
            if ids:
                yield [text(id) for id in ids]
            if not place:
                return
            limit = None if limit is None else limit - len(ids)

    @operation
    def pending_ids(self, ids: Sequence[str]) -> Procedure[list[str]]:
        """Those of these ids that pending jobs have: one-offs, or recurring jobs of the 0.14 API."""
        if not ids:
            return []
        scores = yield from call("ZMSCORE", self.keys.scheduled_jobs, *ids)
        return [id for id, score in zip(ids, scores, strict=True) if score is not None]

    @listing
    def coming(self, first: int) -> Listing[tuple[int, str]]:
        """When each armed schedule is due (microseconds), and its id, in due order; read as they are used, `first` to
        begin with. One that fires meanwhile may come twice."""
        indexes = {
            self.keys.due_schedules: self.keys.due_schedules,
            self.keys.schedules_of("jobs"): self.keys.scheduled_jobs,
        }
        read_to = dict.fromkeys(indexes, (b"", b""))  # the last that was read of each list which has more
        waiting: list[tuple[int, str]] = []
        while read_to:
            listed = min(read_to, key=lambda listed: _order(read_to[listed]))
            behind = read_to.pop(listed)
            size = COMING if behind[0] else min(first, COMING)
            asked = (indexes[listed], *behind, size)
            moved, page = yield from self._script("read_coming", listed, *asked)
            for id, due in (*zip(moved[::2], moved[1::2], strict=True), *zip(page[::3], page[2::3], strict=True)):
                if due:
                    heapq.heappush(waiting, (us_of(due), text(id)))
            if len(page) == 3 * size:
                read_to[listed] = (page[-2], page[-3])
            # None that is not read yet is due before that.
            safe = min(map(_order, read_to.values()), default=_END)
            while waiting and waiting[0] <= safe:
                yield heapq.heappop(waiting)


_END: tuple[float, str] = (inf, "")


def _order(place: tuple[bytes, bytes]) -> tuple[float, str]:
    """What a place in a list compares by; the empty one is its beginning."""
    due, id = place
    return (us_of(due), text(id)) if due else (-inf, "")


def _outcomes(reply: Any) -> list[tuple[Written, str]]:
    return [(Written(text(outcome)), text(rev)) for outcome, rev in reply[2:]]


@lru_cache(maxsize=16)
def _names(fields: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(map(text, fields))


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


def _change(write: Write) -> dict[str, Any]:
    """As `write_schedules` takes it."""
    change: dict[str, Any] = {"id": write.id, "rev": write.rev, "armed_as_read": write.armed_as_read}
    if write.spec is not None and write.job is not None:
        job = write.job
        change |= {
            "spec": encode_spec(write.spec).decode(),
            "func": job.func,
            "call": job.call,
            "queue": job.queue,
            "owner": write.owner,
            "tags": "\n".join(write.tags),
            "slow": "1" if job.slow else "0",
            "policy": policy_text(write.spec),
            "retimed": write.retimed,
            "job": packed_fields(job.fields),
        }
        if write.changes is not None:
            change["changes"] = changes_text(write.changes)
        if write.restores is not None:
            change["restores"] = str(write.restores)
        if write.spec.expect is not None:
            change["expect"] = str(write.spec.expect.us)
        if write.spec.keep_runs != KEPT_RUNS:
            change["keep_runs"] = str(write.spec.keep_runs)
    if isinstance(write.armed, Instant):
        change |= {"armed": armed_text(write.armed), "due": score_of(write.armed.due)}
        change["plan_at"] = plan_at_score(write.armed, write.coming)
    elif write.armed is None:
        change["armed"] = ""
    if write.coming is not None:
        change |= {"plan": plan_text(write.coming), "made_with": made_with()}
    if write.paused is not None:
        change |= {"paused": "1" if write.paused else "0", "note": write.note, "in_bulk": write.in_bulk}
        change["ends"] = "" if write.ends is None else str(write.ends)
        if write.resumed_at is not None:
            change["resumed_at"] = str(write.resumed_at)
    if write.supposed_at is not None and write.defined is not None:
        change |= {"supposed_at": str(write.supposed_at), "defined": encode_spec(write.defined).decode()}
    return change
