"""What lies ahead of many schedules together: the next changes of the clock, and the load of the queues.

A face over `clock_changes` and `load`, as `api` is; what runs next is in `upcoming`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice
from typing import TypedDict, Unpack

from rq_scheduler.aliases import DurationLike
from rq_scheduler.client.schedules.arguments import filter_of
from rq_scheduler.client.schedules.bulk import BulkControl
from rq_scheduler.client.schedules.clock_changes import (
    ClockChanges,
    TouchedSchedule,
    read_clock_changes,
    touched_schedules,
)
from rq_scheduler.client.schedules.load import Load, read_load
from rq_scheduler.clock import duration_us
from rq_scheduler.errors import InvalidArgument, InvalidType, check_texts
from rq_scheduler.model import Schedule
from rq_scheduler.store.schedules import Filter
from rq_scheduler.triggers import MAX_US
from rq_scheduler.triggers.base import aware_us, not_negative
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import zone

__all__ = ["Forecasts"]

A_YEAR = "366d"
"""In which each clock that changes twice a year does so."""

FARTHEST = 100 * 366 * 86_400 * 1_000_000
"""Microseconds: so far ahead changes of the clock are looked for."""


FARTHEST_LOAD = 14 * 86_400 * 1_000_000
"""Likewise, so far ahead load is counted."""


class Which(TypedDict, total=False):
    """Which schedules are looked at; without any, all."""

    tag: str | None
    owner: str | None
    queue_name: str | None
    prefix: str | None


class Forecasts(BulkControl):
    """The part of `Schedules` that tells what lies ahead."""

    def clock_changes(
        self,
        *,
        within: DurationLike = A_YEAR,
        after: datetime | None = None,
        timezone: str | tzinfo | None = None,
        **which: Unpack[Which],
    ) -> ClockChanges:
        """The next change of each zone's clock `within` a time after `after` (aware; now unless given), and what it
        does to the schedules that read it: those of `timezone` alone, and of `tag`, `owner`, `queue_name` and `prefix`.

        All that fit are read, a page at a time; 100,000 take some seconds and little memory. Paused ones count.
        Raises InvalidArgument or InvalidType for an unknown zone, a naive `after`, or what is no length of time.
        """
        return read_clock_changes(self._store, _filter(which), *self._changes(within, after, timezone))

    def touched_by_clocks(
        self,
        *,
        within: DurationLike = A_YEAR,
        after: datetime | None = None,
        timezone: str | tzinfo | None = None,
        behind: str | None = None,
        upto: str | None = None,
        limit: int | None = None,
        **which: Unpack[Which],
    ) -> Iterator[TouchedSchedule]:
        """Each schedule that names local times which those changes jump over or show twice, by id: those behind one id,
        `upto` another; read as they are used. (One that reads several clocks comes for each that touches it.) Raises as
        `clock_changes`."""
        check_texts(behind=behind, upto=upto)
        not_negative(limit=0 if limit is None else limit)
        zone_, since, until = self._changes(within, after, timezone)
        found = touched_schedules(self._store, _filter(which), zone_, since, until, behind, upto)
        return islice(found, limit)

    def load(
        self,
        *,
        within: DurationLike = "24h",
        queue_name: str | None = None,
        adding: Schedule | None = None,
    ) -> Load:
        """How many runs of schedules are due in each queue (in that one), by minute and hour, `within` a time from now
        (14 days at most), the work in them, and where that is more than its workers can take.

        `adding`: a definition that is not put yet, instead of the stored one of its id: what it comes to with it. Of
        queues on which no worker listens nothing can be said but what is due. Runs on hold, one-offs, overlap and the
        jobs that wait already are not looked at. 100,000 schedules take some seconds. Raises InvalidArgument or
        InvalidType for what is no length of time.
        """
        length = _length(within, FARTHEST_LOAD)
        queue = queue_name
        added_to = "default"
        if adding is not None:
            if not isinstance(adding, Schedule):  # pyright: ignore[reportUnnecessaryIsInstance]  callers are not checked
                raise InvalidType(f"adding={adding!r} is no Schedule: give Schedule(id, trigger, func, ...)")
            added_to = self._writer.template(adding).queue
            queue = queue or added_to
        now = self._store.server_time()
        wanted = filter_of(None, queue, None, None, None)
        return read_load(self._store, wanted, now, now + length, adding, added_to)

    def _changes(
        self, within: DurationLike, after: datetime | None, timezone: str | tzinfo | None
    ) -> tuple[str | None, int, int]:
        name = None if timezone is None else zone(zone_name(timezone)).name
        length = _length(within, FARTHEST)
        since = self._store.server_time() if after is None else aware_us(after, "after")
        return name, since, min(since + length, MAX_US)


def _filter(which: Which) -> Filter:
    return filter_of(which.get("tag"), which.get("queue_name"), which.get("prefix"), which.get("owner"), None)


def _length(within: DurationLike, most: int) -> int:
    """A length of time in microseconds. Raises InvalidArgument for one that is not positive, or too long."""
    length = duration_us(within, "within")
    if length <= 0:
        raise InvalidArgument(f"within={within!r} leaves no time to look at: give a positive length, such as '30d'")
    if length > most:
        raise InvalidArgument(f"within={within!r} is too far ahead: give at most {most // 86_400_000_000} days")
    return length
