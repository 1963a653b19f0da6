"""The definitions that a schedule has and had, and going back to one: bytes are copied, no argument is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.calls import hidden_call, hidden_changes
from rq_scheduler.client.schedules import changes
from rq_scheduler.client.schedules.differences import differences
from rq_scheduler.client.schedules.fields import spec_of, tags_of
from rq_scheduler.client.schedules.results import StoredSchedule
from rq_scheduler.client.schedules.writer import Writer, job_of, not_found, readable_spec, refusal, the_schedule
from rq_scheduler.clock import from_us
from rq_scheduler.errors import InvalidArgument, VersionConflict
from rq_scheduler.model import Spec
from rq_scheduler.store.audit import Changes
from rq_scheduler.store.schedules import Stored, Write, Written
from rq_scheduler.store.versions import StoredVersion

__all__ = ["Version", "undo_change", "versions_of", "what_is_undone"]


@dataclass(frozen=True, slots=True)
class Version:
    """A definition that a schedule has, or had.

    since, until: from when to when, aware UTC; `until` is None for the present one, and `since` where nobody knows.
    actor: who wrote it, as the audit says it; empty where a version of this package did that kept no names. changes:
    what it changed of the definition before, old and new text by the name of the option; empty for the oldest one that
    is kept. spec: when it fires; None when a newer version of this package wrote that. restorable: whether `undo` can
    bring it back; a call of over 64 kB is not kept.
    """

    version: int
    since: datetime | None
    until: datetime | None
    actor: str
    changes: Changes
    spec: Spec | None
    func: str
    call: str
    queue_name: str
    owner: str
    tags: tuple[str, ...]
    restorable: bool


def versions_of(writer: Writer, id: str) -> list[Version]:
    """Newest first. Raises ScheduleNotFound where nothing is kept under the id, IdTaken for a recurring job."""
    found = _read(writer, id)
    views = [_view(each, before) for each, before in zip_longest(found, found[1:])]
    if not writer.hides_arguments:
        return views
    return [replace(one, call=hidden_call(one.func), changes=hidden_changes(one.changes)) for one in views]


def what_is_undone(given: str | AuditEntry, version: int | None) -> tuple[str, int | None]:
    """The id and the version that an entry of the audit says. Raises InvalidArgument for one that tells of no change of
    a definition."""
    if not isinstance(given, AuditEntry):
        return given, version
    number = given.details.get("version", "")
    if given.action not in ("changed", "undone", "deleted") or not number.isdigit():
        raise InvalidArgument(
            f"{given.action!r} of {given.id!r} is no change of a definition, which is all that can be undone"
        )
    if version not in (None, int(number)):
        raise InvalidArgument(f"version={version} is not that of the entry, {number}: leave it out")
    return given.id, int(number)


def undo_change(writer: Writer, id: str, version: int | None) -> StoredSchedule:
    """Gives a schedule the definition that it had before its present version, or the one with which it was deleted;
    only if that is `version`, where one is given."""
    first_seen: list[int] = []

    def change(now: int, stored: Stored | None) -> Write | None:
        present = None if stored is None else the_schedule(id, stored).number("version")
        found = _read(writer, id)
        newest = found[0].number if present is None else present
        first_seen.append(newest)
        undone = first_seen[0] if version is None else version
        if stored is not None and present == undone + 1 and _is_undone(stored, undone, found):
            return None  # by this very call, perhaps, whose reply was lost
        if version not in (None, newest):
            raise VersionConflict(
                f"schedule {id!r} is at version {newest}, not {version}: look at versions({id!r}), and decide whether "
                "that one is to be undone"
            )
        wanted = next((each for each in found if present is None or each.number < present), None)
        return _restoring(id, stored, wanted, now)

    return writer.redefine(id, change)


def _is_undone(stored: Stored, undone: int, found: Sequence[StoredVersion]) -> bool:
    """Whether a schedule has the definition before that version, or, where that one was deleted, its own."""
    before = [each for each in found if each.number <= undone][:2]
    return any(_definition(each.stored) == _definition(stored) for each in before)


def _definition(stored: Stored) -> tuple[str, ...]:
    return tuple(stored.text(name) for name in ("spec", "func", "call", "queue", "owner", "tags"))


def _restoring(id: str, stored: Stored | None, wanted: StoredVersion | None, now: int) -> Write:
    if wanted is None:
        raise InvalidArgument(
            f"no earlier definition of {id!r} is kept: it has been put once, or was written before definitions were "
            "kept. To be rid of it, delete it"
        )
    old = wanted.stored
    if not old.template:
        raise InvalidArgument(f"version {wanted.number} of {id!r} was too large to be kept (64 kB): put it again")
    spec, job, tags = readable_spec(old), job_of(old), tags_of(old)
    if stored is None:
        paused, note = old.text("paused") == "1", old.text("note")
        write = changes.creation(id, spec, job, now, old.text("owner"), tags, paused=paused, note=note)
    else:
        write = changes.replacement(stored, spec, job, now, old.text("owner"), tags)
    return replace(write, restores=wanted.number)


def _read(writer: Writer, id: str) -> Sequence[StoredVersion]:
    kind, found = writer.store.read_versions(id)
    if kind == "job":
        raise refusal(id, Written.JOB)
    if not found:
        raise not_found(id)
    return found


def _view(one: StoredVersion, before: StoredVersion | None) -> Version:
    stored, spec = one.stored, spec_of(one.stored)
    return Version(
        version=one.number,
        since=None if one.since is None else from_us(one.since),
        until=None if one.until is None else from_us(one.until),
        actor=one.by,
        changes={} if before is None or spec is None else _changes(before.stored, stored, spec),
        spec=spec,
        func=stored.text("func"),
        call=stored.text("call"),
        queue_name=stored.text("queue"),
        owner=stored.text("owner"),
        tags=tags_of(stored),
        restorable=bool(stored.template) and spec is not None,
    )


def _changes(before: Stored, stored: Stored, spec: Spec) -> Changes:
    return differences(before, spec, job_of(stored), stored.text("owner"), tags_of(stored))
