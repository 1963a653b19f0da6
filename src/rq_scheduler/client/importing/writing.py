"""Puts what was found, paused; what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rq_scheduler.client.importing.found import Found
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import SchedulerError, VersionConflict

__all__ = ["Written", "write"]

_THERE = "there is a schedule of this id already, which stays as it is"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the schedules that could be carried over: the ids that were put, or would be; and why each of the
    others was not, by id."""

    put: tuple[str, ...]
    left: dict[str, str]


def write(schedules: Schedules, found: Sequence[Found], *, dry_run: bool) -> Written:
    """Puts each of them, or says, in a dry run, which could be put."""
    put: list[str] = []
    left: dict[str, str] = {}
    for schedule in (one.schedule for one in found if one.schedule is not None):
        if schedule.id in schedules:
            left[schedule.id] = _THERE
            continue
        try:
            if not dry_run:
                schedules.put(schedule, version=0)
            put.append(schedule.id)
        except VersionConflict:  # since then
            left[schedule.id] = _THERE
        except SchedulerError as error:
            left[schedule.id] = str(error)
    return Written(tuple(put), left)
