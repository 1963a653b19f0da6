"""The zone of a schedule, or of a recurring job of the 0.14 API, and how it is changed.

Owns which of them have one. What that does to the next run, `changes` says.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from rq_scheduler.client.schedules.changes import rezoned
from rq_scheduler.client.schedules.fields import spec_of
from rq_scheduler.client.schedules.results import StoredSchedule
from rq_scheduler.client.schedules.writer import MAX_ATTEMPTS, Writer, not_found, readable_spec, the_schedule, too_busy
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.model import Spec
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import Filter, Stored, Write
from rq_scheduler.triggers import Cron
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import zone

__all__ = ["change_timezone", "zones_of"]


def change_timezone(writer: Writer, id: str, timezone: Any) -> StoredSchedule:
    """Has the schedule, or recurring job, read its clock in this zone."""
    name = zone_name(timezone)
    zone(name)
    for _ in range(MAX_ATTEMPTS):
        now, (stored,) = writer.store.read_definitions([id])
        if stored is None:
            raise _unknown(writer, id)
        if stored.kind != "job":
            return _of_schedule(writer, id, name)
        spec, due = readable_spec(stored), stored.due
        moved = _in_zone(stored, spec, name)
        if moved == spec:
            return writer.view(stored)
        if due is None:
            raise not_found(id)
        changes = {"trigger": (str(spec.trigger), str(moved.trigger))}
        if writer.store.redefine(id, stored.text("rev"), due, moved, rezoned(stored, moved, now), changes):
            _, (stored,) = writer.store.read_definitions([id])
            if stored is None:
                raise not_found(id)
            return writer.view(stored)
    raise too_busy(id)


def zones_of(store: Store, owner: str) -> dict[str, str]:
    """By id, in which zone the owner's cron strings are read."""
    zones: dict[str, str] = {}
    for ids in store.find_schedules(Filter(owner=owner)):
        _, found = store.read_definitions(ids, templates=False)
        for stored in found:
            spec = None if stored is None else spec_of(stored)
            if stored is not None and spec is not None and isinstance(spec.trigger, Cron):
                zones[stored.id] = spec.trigger.timezone
    return zones


def _of_schedule(writer: Writer, id: str, name: str) -> StoredSchedule:
    def change(now: int, stored: Stored | None) -> Write | None:
        current = the_schedule(id, stored)
        return writer.edit(current, {"trigger": _in_zone(current, readable_spec(current), name).trigger}, now)

    return writer.redefine(id, change)


def _in_zone(stored: Stored, spec: Spec, name: str) -> Spec:
    if not spec.trigger.zone_names:
        raise InvalidArgument(f"{stored.id!r} has no zone to change: {spec.trigger!r} reads no clock")
    return replace(spec, trigger=spec.trigger.in_zone(name))


def _unknown(writer: Writer, id: str) -> SchedulerError:
    if writer.store.pending_ids([id]):
        return InvalidArgument(
            f"{id!r} is no recurring job as far as is known: it runs once, or rq-scheduler 0.14 wrote it, and no "
            "dispatcher was up since. Start one (--adopt-timezone says in which zone), and try again"
        )
    return not_found(id)
