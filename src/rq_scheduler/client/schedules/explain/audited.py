"""What the audit, and the kept definitions, say of one schedule: when it was paused, what it was to do then. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.schedules.explain.evidence import Definition, Pause
from rq_scheduler.client.schedules.fields import spec_of
from rq_scheduler.client.schedules.results import StoredSchedule
from rq_scheduler.clock import from_us
from rq_scheduler.store.base import moment
from rq_scheduler.store.versions import StoredVersion

__all__ = ["Audited", "definitions_of", "pauses_of"]


@dataclass(frozen=True, slots=True)
class Audited:
    """The entries of a schedule, or of a job, newest first; since: the moment from which on they are all there is.
    among: of how many of the newest entries, where there may be older ones that were not looked at."""

    entries: Sequence[AuditEntry] = ()
    since: datetime | None = None
    among: int | None = None


def pauses_of(schedule: StoredSchedule, audited: Audited) -> tuple[Pause, ...]:
    """When it was paused, newest first: by its record, which knows the pause that goes on, and by the audit."""
    found: list[Pause] = []
    going: Pause | None = None
    for entry in reversed(audited.entries):
        if entry.action == "paused":
            note = entry.details.get("note", "")
            going = replace(going, note=note) if going else Pause(entry.at, by=entry.actor, note=note)
        elif entry.action == "resumed":
            by_itself = moment(entry.details.get("ended"))
            until, by = (entry.at, entry.actor) if by_itself is None else (from_us(by_itself), "")
            found.append(replace(going or Pause(None), until=until, resumed_by=by))
            going = None
    if schedule.paused:
        by = schedule.paused_by or ("" if going is None else going.by)
        since = schedule.paused_at or (None if going is None else going.since)
        found.append(Pause(since, ends_at=schedule.paused_until, by=by, note=schedule.note))
    return tuple(reversed(found))


def definitions_of(schedule: StoredSchedule, kept: Sequence[StoredVersion]) -> tuple[Definition, ...]:
    """Its definitions, newest first: those that are kept, or today's alone."""
    if not kept:
        return (Definition(schedule.spec, schedule.version, schedule.updated_at),)
    return tuple(
        Definition(spec_of(one.stored), one.number, None if one.since is None else from_us(one.since), one.by)
        for one in kept
    )
