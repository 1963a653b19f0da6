"""How things stand; what happened, and what was done; who asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from rq_scheduler.aliases import AuditAction, EventKind
from rq_scheduler.client.health import read_health
from rq_scheduler.store.survey import Survey
from rq_scheduler.views import audit, events, health
from rq_scheduler.web.api.cursors import cursor_of, read_cursor
from rq_scheduler.web.api.route import Answer, Call, NoQuery
from rq_scheduler.web.api.schedules import Limit


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of [since, until), of one schedule, job, dispatcher or queue, of one kind."""

    since: datetime | None = None
    until: datetime | None = None
    id: Annotated[str, Meta(max_length=400)] | None = None
    kind: EventKind | None = None
    limit: Limit = 100
    cursor: str | None = None


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done in [since, until), to one schedule or job, by one actor, of one kind."""

    since: datetime | None = None
    until: datetime | None = None
    id: Annotated[str, Meta(max_length=400)] | None = None
    action: AuditAction | None = None
    actor: str | None = None
    limit: Limit = 100
    cursor: str | None = None


def get_status(call: Call[NoQuery, None]) -> Answer:
    """How things stand: what needs a person, dispatchers, counts, queues."""
    scheduler = call.scheduler
    found = read_health(Survey(scheduler.connection), "the Redis of this application")
    return Answer(health.serialize(found))


def find_events(call: Call[EventsQuery, None]) -> Answer:
    """What happened, newest first."""
    query = call.query
    limit = min(query.limit, call.settings.max_page)
    found = call.scheduler.events.read(
        since=query.since, until=query.until, schedule=query.id, kinds=query.kind, before=_place(query.cursor),
        limit=limit + 1,
    )  # fmt: skip
    more = cursor_of(found[limit - 1].place) if len(found) > limit else None
    return Answer({"events": [events.serialize(one, UTC) for one in found[:limit]], "next": more})


def find_audit(call: Call[AuditQuery, None]) -> Answer:
    """What people and programs did, newest first."""
    query = call.query
    limit = min(query.limit, call.settings.max_page)
    found = call.scheduler.audit.read(
        since=query.since, until=query.until, schedule=query.id, actions=query.action, actor=query.actor,
        before=_place(query.cursor), limit=limit + 1,
    )  # fmt: skip
    more = cursor_of(found[limit - 1].place) if len(found) > limit else None
    return Answer({"audit": [audit.serialize(one, UTC) for one in found[:limit]], "next": more})


def get_visitor(call: Call[NoQuery, None]) -> Answer:
    """Who asks, and what may be changed."""
    visitor = call.visitor
    return Answer({"actor": visitor.actor, "role": visitor.role, "read_only": call.settings.read_only})


def _place(cursor: str | None) -> str | None:
    return None if cursor is None else read_cursor(cursor, 1)[0]
