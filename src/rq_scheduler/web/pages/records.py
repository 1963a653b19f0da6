"""**Events**: what happened; and the audit: what people and programs did. Newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import get_args

from rq_scheduler.aliases import AuditAction, EventKind
from rq_scheduler.client.audit import AuditEntry, shown
from rq_scheduler.client.base import context_of
from rq_scheduler.client.events import Event, event_of
from rq_scheduler.client.streams import place_of
from rq_scheduler.store.streams import StreamEntry
from rq_scheduler.views import audit, events
from rq_scheduler.views.details import whole_second
from rq_scheduler.web.api.cursors import cursor_of, read_cursor
from rq_scheduler.web.pages.page import Asked, Shown
from rq_scheduler.web.pages.undoing import NOTHING, Undoing, stand_of, undoing_of

__all__ = ["show_audit", "show_events"]

ROWS = 50
LOOKED_AT = 2_000
"""Entries that one page looks at for those that fit."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of either. kind: its mark; changes: of a definition; undoing: whether it can be undone."""

    entry: Event | AuditEntry
    at: str
    kind: str
    said: str
    about: str
    undoing: Undoing = NOTHING


@dataclass(frozen=True, slots=True)
class Records:
    """The page's value. `id`, `kind`: what is asked for; `looked_at`: how many entries were looked at for it; for those
    before them, `next` goes on."""

    rows: Sequence[Row]
    kinds: Sequence[str]
    id: str
    kind: str
    next: str | None
    is_first: bool
    looked_at: int

    @property
    def undo_refused(self) -> str:
        """Why some of them are not undone here."""
        return next((row.undoing.refused for row in self.rows if row.undoing.refused), "")


def show_events(asked: Asked) -> Shown:
    """What happened."""
    id, kind, before = _chosen(asked, get_args(EventKind))
    read = context_of(asked.scheduler).store.read_events(before=before)
    found, more, looked_at = _page(read, id=id, kind=kind)
    rows = [
        Row(one, asked.times.short(whole_second(one.at)), events.mark(one), events.sentence(one, asked.tz), _id(one))
        for one in map(event_of, found)
    ]
    kinds = get_args(EventKind)
    model = Records(rows, kinds, id, kind, more, before is None, looked_at if id or kind else 0)
    return Shown("events.html", "Events", model)


def show_audit(asked: Asked) -> Shown:
    """Who did what."""
    id, action, before = _chosen(asked, get_args(AuditAction))
    context = context_of(asked.scheduler)
    read = context.store.read_audit(before=before)
    entries, more, looked_at = _page(read, id=id, action=action)
    found, rows = shown(context, entries), list[Row]()
    stand = stand_of(found, asked)
    for one in found:
        said = audit.sentence(one, asked.tz)
        said = said.partition(": ")[0] if one.changes else said
        at = asked.times.short(whole_second(one.at))
        rows.append(Row(one, at, "ok", said, one.id, undoing_of(one, stand, asked)))
    kinds = get_args(AuditAction)
    model = Records(rows, kinds, id, action, more, before is None, looked_at if id or action else 0)
    return Shown("audit.html", "Audit", model)


def _chosen(asked: Asked, kinds: Sequence[str]) -> tuple[str, str, str | None]:
    kind, cursor = asked.query.get("kind", ""), asked.query.get("cursor")
    before = place_of(read_cursor(cursor, 1)[0], "cursor") if cursor else None
    return asked.query.get("id", "").strip()[:400], kind if kind in kinds else "", before


def _page(read: Iterator[StreamEntry], **wanted: str) -> tuple[list[StreamEntry], str | None, int]:
    """Those whose fields are what is wanted (empty: anything), the cursor of the page before them, and how many were
    looked at."""
    tests = [(name, value) for name, value in wanted.items() if value]
    last, found, looked_at = None, list[StreamEntry](), 0
    for one in islice(read, LOOKED_AT):
        if last is not None and len(found) == ROWS:
            return found, cursor_of(last.place), looked_at
        if all(one.fields.get(name, "") == value for name, value in tests):
            found.append(one)
        last, looked_at = one, looked_at + 1
    return found, cursor_of(last.place) if last is not None and looked_at == LOOKED_AT else None, looked_at


_OF_A_SCHEDULE = frozenset(
    {"failing_began", "failing", "recovered", "skipping_began", "skipping_ended", "missed", "overdue", "met"}
    | {"paused_for_failures", "adopted"}
)


def _id(event: Event) -> str:
    """The schedule that an event is about."""
    return event.id if event.kind in _OF_A_SCHEDULE else ""
