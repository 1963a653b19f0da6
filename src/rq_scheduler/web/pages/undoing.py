"""Which entries of the audit a visitor may undo here, and why not where this site may not run what came back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.web.pages.page import Asked

__all__ = ["NOTHING", "Undoing", "stand_of", "undoing_of"]

UNDOABLE = frozenset({"changed", "undone", "deleted"})


@dataclass(frozen=True, slots=True)
class Undoing:
    """version: the one to undo, empty where there is nothing to undo; refused: why that is not offered here."""

    version: str = ""
    refused: str = ""


NOTHING = Undoing()


def stand_of(entries: Iterable[AuditEntry], asked: Asked) -> dict[str, StoredSchedule]:
    """How the schedules of these entries stand now, by id; nothing of those that are gone."""
    ids = list(dict.fromkeys(entry.id for entry in entries if entry.action in UNDOABLE))
    return {stored.id: stored for stored in asked.scheduler.schedules.read(ids)} if ids else {}


def undoing_of(entry: AuditEntry, stand: Mapping[str, StoredSchedule], asked: Asked) -> Undoing:
    """Of one entry: the last change of a schedule that is there, and the end of one that is not. `stand`: of
    `stand_of`."""
    number, stored = entry.details.get("version", ""), stand.get(entry.id)
    if entry.action not in UNDOABLE or not number.isdigit():
        return NOTHING
    if entry.action == "deleted":
        return NOTHING if stored is not None else Undoing(number, asked.refusal(entry.details.get("func", "")))
    if stored is None or stored.version != int(number):
        return NOTHING
    return Undoing(number, asked.refusal(entry.changes.get("func", (stored.func, ""))[0]))
