"""`scheduler.audit`: what people and programs did to schedules and jobs, when, and who.

A face over the store. Knows no key of Redis. What is done writes its own entry, in the same step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import cast

from rq_scheduler.aliases import AuditAction
from rq_scheduler.client.calls import hidden_changes
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.streams import bounds, picked, place_of, words
from rq_scheduler.clock import from_us
from rq_scheduler.errors import check_texts
from rq_scheduler.store.audit import Changes, read_changes
from rq_scheduler.store.streams import StreamEntry
from rq_scheduler.triggers.base import not_negative

__all__ = ["Audit", "AuditEntry", "entry_of", "shown"]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that somebody did.

    action: what. id: of the schedule, or of the job, that it was done to. actor: who, as `Scheduler(actor=...)` says,
    or user@host. at: aware UTC, to the millisecond. changes: of a definition, old and new text by the name of the
    option, both empty where it has no text. details: what else is known, such as `version` and `note`; texts are cut to
    200 characters. place: where in the audit it stands.
    """

    place: str
    at: datetime
    action: AuditAction
    id: str
    actor: str
    changes: Changes
    details: Mapping[str, str]


class Audit:
    """The audit of one Redis, seen through a Scheduler: about 100,000 entries are kept."""

    def __init__(self, context: SchedulerContext) -> None:
        self._context = context

    def read(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        schedule: str | None = None,
        actions: AuditAction | Collection[AuditAction] | None = None,
        actor: str | None = None,
        before: str | None = None,
        limit: int | None = 100,
        look_at: int | None = None,
    ) -> list[AuditEntry]:
        """The entries that fit all that is given, newest first, `limit` at most (None: all), of the newest `look_at`.

        `since` and `until` are aware: entries of [since, until). `before` is the place of the last one of the page
        before, and takes the part of `until`. `schedule` is an id, a job's too. Raises InvalidArgument or InvalidType
        for what cannot be.
        """
        not_negative(look_at=0 if look_at is None else look_at)
        found = self._context.store.read_audit(*bounds(since, until), place_of(before, "before"))
        check_texts(schedule=schedule, actor=actor)
        wanted = words(actions, "actions", AuditAction)
        looked_at = islice(found, look_at)
        return shown(self._context, picked(looked_at, limit, action=wanted, id=schedule, actor=actor))


def shown(context: SchedulerContext, found: Iterable[StreamEntry]) -> list[AuditEntry]:
    """What callers are shown of these."""
    entries = list(map(entry_of, found))
    if not context.hides_arguments:
        return entries
    return [replace(entry, changes=hidden_changes(entry.changes)) for entry in entries]


def entry_of(entry: StreamEntry) -> AuditEntry:
    """What callers are shown of it."""
    fields = dict(entry.fields)
    action, id, actor, changes = (fields.pop(name, "") for name in ("action", "id", "actor", "changes"))
    return AuditEntry(
        entry.place, from_us(entry.at), cast("AuditAction", action), id, actor, read_changes(changes), fields
    )
