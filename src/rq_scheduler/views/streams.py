"""The audit, the events and the versions of a schedule, as people and programs are shown them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.events import Event
from rq_scheduler.clock import US, from_us
from rq_scheduler.errors import SchedulerError
from rq_scheduler.humanize import NONE, moment
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Column, Part, Table

__all__ = ["audit_json", "audit_table", "changes_lines", "event_json", "event_line", "events_table"]

_IN_US = frozenset({"since", "until", "first", "last", "ended", "last_heartbeat"})
_IN_SECONDS = frozenset({"before", "due"})
"""Details that are moments: since the epoch, as decimal text."""


def events_table(events: Sequence[Event], zone: tzinfo) -> Iterator[Part]:
    """Newest first, as they are read."""
    if not events:
        yield "No events."
        return
    columns = (Column("WHEN"), Column("EVENT"), Column("OF"), Column("DETAILS", cut=True))
    yield Table(columns, [_event_row(event, zone) for event in events])


def event_line(event: Event, zone: tzinfo) -> str:
    """An event in one line."""
    return "  ".join(part for part in _event_row(event, zone) if part != NONE)


def audit_table(entries: Sequence[AuditEntry], zone: tzinfo) -> Iterator[Part]:
    """Newest first, as they are read."""
    if not entries:
        yield "Nothing was done."
        return
    columns = (Column("WHEN"), Column("WHO"), Column("DID"), Column("TO"), Column("DETAILS", cut=True))
    yield Table(columns, [_audit_row(entry, zone) for entry in entries])


def changes_lines(changes: Mapping[str, tuple[str, str]]) -> Iterator[Part]:
    """What was changed of a definition, an option a line."""
    for name, texts in changes.items():
        yield f"  {name}: {_change(texts)}"


def event_json(event: Event) -> dict[str, Any]:
    """An event."""
    return {
        "place": event.place,
        "at": iso(event.at),
        "kind": event.kind,
        "id": event.id,
        "details": dict(event.details),
    }


def audit_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry of the audit."""
    return {
        "place": entry.place,
        "at": iso(entry.at),
        "action": entry.action,
        "id": entry.id,
        "actor": entry.actor,
        "changes": {name: list(texts) for name, texts in entry.changes.items()},
        "details": dict(entry.details),
    }


def _event_row(event: Event, zone: tzinfo) -> tuple[str, str, str, str]:
    details = dict(event.details)
    of = event.id or details.pop("queue", "") or NONE
    return moment(event.at, zone), event.kind.replace("_", " "), of, _details(details, zone)


def _audit_row(entry: AuditEntry, zone: tzinfo) -> tuple[str, str, str, str, str]:
    changes = "; ".join(f"{name}: {_change(texts)}" for name, texts in entry.changes.items())
    details = "; ".join(filter(None, (changes, _details(entry.details, zone).removeprefix(NONE)))) or NONE
    return moment(entry.at, zone), entry.actor or NONE, entry.action.replace("_", " "), entry.id or NONE, details


def _change(texts: tuple[str, str]) -> str:
    return "changed" if texts == ("", "") else " -> ".join(text or NONE for text in texts)


def _details(details: Mapping[str, str], zone: tzinfo) -> str:
    said = (f"{name.replace('_', ' ')} {_value(name, value, zone)}" for name, value in details.items() if value)
    return "; ".join(said) or NONE


def _value(name: str, value: str, zone: tzinfo) -> str:
    try:
        if name in _IN_US:
            return moment(from_us(int(value)), zone)
        if name in _IN_SECONDS:
            return moment(from_us(round(float(value) * US)), zone)
    except (ValueError, OverflowError, SchedulerError):
        pass  # anybody may have written it
    return value
