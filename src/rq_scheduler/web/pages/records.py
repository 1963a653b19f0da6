"""**Events**: what happened; and the audit: what people and programs did. Newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from rq_scheduler.aliases import AuditAction, EventKind
from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.events import Event
from rq_scheduler.views import audit, events
from rq_scheduler.views.details import whole_second
from rq_scheduler.web.api.cursors import cursor_of, read_cursor
from rq_scheduler.web.pages.page import Asked, Shown

__all__ = ["show_audit", "show_events"]

ROWS = 50
LOOKED_AT = 5_000
"""Entries of one page that are looked at for those that fit."""

UNDOABLE = frozenset({"changed", "undone", "deleted"})


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of either. kind: its mark; changes: of a definition; undo: which version can be undone."""

    entry: Event | AuditEntry
    at: str
    kind: str
    said: str
    about: str
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    """The page's value. `chosen`: the id and the kind that are asked for; `looked_at` where these were looked for."""

    rows: Sequence[Row]
    kinds: Sequence[str]
    id: str
    kind: str
    next: str | None
    is_first: bool
    looked_at: int


def show_events(asked: Asked) -> Shown:
    """What happened."""
    id, kind, before = _chosen(asked, get_args(EventKind))
    found = asked.scheduler.events.read(
        schedule=id or None, kinds=cast("EventKind | None", kind or None), before=before, limit=ROWS + 1,
        look_at=LOOKED_AT,
    )  # fmt: skip
    rows = [
        Row(one, asked.times.short(whole_second(one.at)), events.mark(one), events.sentence(one, asked.tz), _id(one))
        for one in found[:ROWS]
    ]
    return Shown("events.html", "Events", _records(found, rows, get_args(EventKind), id, kind, before))


def show_audit(asked: Asked) -> Shown:
    """Who did what."""
    id, action, before = _chosen(asked, get_args(AuditAction))
    found = asked.scheduler.audit.read(
        schedule=id or None, actions=cast("AuditAction | None", action or None), before=before, limit=ROWS + 1,
        look_at=LOOKED_AT,
    )  # fmt: skip
    rows: list[Row] = []
    for one in found[:ROWS]:
        said = audit.sentence(one, asked.tz)
        number = one.details.get("version", "")
        undo = number if one.action in UNDOABLE and number.isdigit() else ""
        said = said.partition(": ")[0] if one.changes else said
        rows.append(Row(one, asked.times.short(whole_second(one.at)), "ok", said, one.id, undo))
    return Shown("audit.html", "Audit", _records(found, rows, get_args(AuditAction), id, action, before))


def _chosen(asked: Asked, kinds: Sequence[str]) -> tuple[str, str, str | None]:
    kind, cursor = asked.query.get("kind", ""), asked.query.get("cursor")
    before = read_cursor(cursor, 1)[0] if cursor else None
    return asked.query.get("id", "").strip()[:400], kind if kind in kinds else "", before


def _records(
    found: Sequence[Event | AuditEntry], rows: Sequence[Row], kinds: Sequence[str], id: str, kind: str,
    before: str | None,
) -> Records:  # fmt: skip
    more = cursor_of(found[ROWS - 1].place) if len(found) > ROWS else None
    return Records(rows, kinds, id, kind, more, before is None, LOOKED_AT if id or kind else 0)


_OF_A_SCHEDULE = frozenset(
    {"failing_began", "failing", "recovered", "skipping_began", "skipping_ended", "missed", "overdue", "met"}
    | {"paused_for_failures", "adopted"}
)


def _id(event: Event) -> str:
    """The schedule that an event is about."""
    return event.id if event.kind in _OF_A_SCHEDULE else ""
