"""What a schedule calls, by name: for those who decide whether it may. Nothing is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from rq_scheduler.client.calls import CALLBACKS
from rq_scheduler.client.schedules.writer import Writer, not_found, the_schedule
from rq_scheduler.errors import VersionConflict

__all__ = ["Called", "called_by"]


@dataclass(frozen=True, slots=True)
class Called:
    """The dotted names of the function and of the callbacks (by their option), and the queue, of one version."""

    version: int
    func: str
    callbacks: dict[str, str]
    queue_name: str

    @property
    def functions(self) -> list[str]:
        """All of them."""
        return [self.func, *self.callbacks.values()]


def called_by(writer: Writer, id: str, version: int | None) -> Called:
    """Of the present version, or of that one. Raises ScheduleNotFound, VersionConflict where it is not kept, IdTaken
    for a recurring job."""
    if version is None:
        _, (stored,) = writer.store.read_definitions([id])
        present = the_schedule(id, stored)
        number = present.number("version") or 1
    else:
        kind, found = writer.store.read_versions(id)
        if not kind and not found:
            raise not_found(id)
        one = next((each for each in found if each.number == version), None)
        if one is None:
            raise VersionConflict(
                f"version {version} of schedule {id!r} is not kept: versions({id!r}) lists those that are"
            )
        present, number = one.stored, one.number
    callbacks = {
        option: name.decode(errors="replace")
        for option, field in CALLBACKS.items()
        if (name := present.template.get(field))
    }
    return Called(number, present.text("func"), callbacks, present.text("queue"))
