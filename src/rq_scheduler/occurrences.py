"""The instants of one schedule: its trigger between start and end, less or moved from the excluded days, each with its
due time.

Planning and every preview stand on it, so that they cannot disagree. Pure: knows no clock, no Redis and no RQ. All
times are integer microseconds since the epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from rq_scheduler.aliases import Excluded
from rq_scheduler.clock import to_us
from rq_scheduler.serialization import Duration
from rq_scheduler.triggers import AnyExclusion, AnyTrigger, At, Cron, Every
from rq_scheduler.triggers.exclusions import MAX_EXCLUDED_DAYS, DaysOff
from rq_scheduler.triggers.moving import Moved, moved
from rq_scheduler.triggers.work import COUNTING, WORK_PER_INSTANT, Work

__all__ = ["Occurrences", "Timing", "jitter_of"]

_PLAIN = frozenset((At, Cron, Every))
_DIRECTIONS = {"next_day": 1, "previous_day": -1}


def jitter_of(id: str, nominal: int, jitter: int, gap: int | None) -> int:
    """The delay of one instant: stable, pseudo-random, in [0, min(jitter, gap to the next instant))."""
    span = jitter if gap is None else min(jitter, gap)
    if span <= 0:
        return 0
    digest = hashlib.blake2b(f"{id}\0{nominal}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) * span >> 64


class Timing(Protocol):
    """The part of a schedule that says which instants it has."""

    @property
    def trigger(self) -> AnyTrigger: ...
    @property
    def jitter(self) -> Duration | None: ...
    @property
    def start(self) -> datetime | None: ...
    @property
    def end(self) -> datetime | None: ...
    @property
    def exclude(self) -> tuple[AnyExclusion, ...]: ...
    @property
    def excluded(self) -> Excluded: ...


class Occurrences:
    """The instants of the schedule `id`. `anchor` is for a trigger that has none of its own (the 0.14 API's); `known`
    are due times that are other than what the spec says, since a caller has moved them.

    What is asked of one of these raises TriggerTooCostly where it is too much work to find, all together."""

    def __init__(self, id: str, spec: Timing, anchor: int | None = None, known: dict[int, int] | None = None) -> None:
        self._id = id
        self._trigger = trigger = spec.trigger if anchor is None else spec.trigger.anchored(anchor)
        self._jitter = _us(spec.jitter) or 0
        self._start = None if spec.start is None else to_us(spec.start)
        self._end = None if spec.end is None else to_us(spec.end)
        self._days_off: DaysOff | None = None
        self._moved: list[Moved] = []
        if spec.exclude:
            zone = "" if all(one.timezone for one in spec.exclude) else trigger.zone_name
            self._days_off = DaysOff(spec.exclude, zone)
            if spec.excluded != "skip":
                self._moved = moved(trigger, spec.exclude, self._days_off, _DIRECTIONS[spec.excluded])
        self._known = known or {}
        self._asked: tuple[int, int | None] | None = None
        # One of these alone never has to look far.
        self._work = None if type(trigger) in _PLAIN and not spec.exclude else Work(spec.trigger)

    @property
    def work(self) -> int:
        """Candidates looked at so far."""
        return 0 if self._work is None else self._work.done

    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`."""
        # The gap that bounds the jitter of one instant leads to the next one, which is what is asked for then.
        if self._asked is not None and self._asked[0] == us:
            return self._asked[1]
        found = self._after(us) if self._work is None else _counted(self._work, self._after, us)
        self._asked = us, found
        return found

    def _after(self, us: int) -> int | None:
        if self._start is not None and us < self._start:
            us = self._start - 1
        found = self._kept_after(us)
        bound = self._end if found is None else found
        for moved_ones in self._moved:
            earlier = moved_ones.after(us, bound)
            if earlier is not None and (bound is None or earlier < bound):
                found = bound = earlier
        return found

    def before(self, us: int) -> int | None:
        """The last instant strictly before `us`."""
        return self._before(us) if self._work is None else _counted(self._work, self._before, us)

    def _before(self, us: int) -> int | None:
        if self._end is not None and us > self._end:
            us = self._end
        found = self._kept_before(us)
        bound = found
        if found is None and self._start is not None:
            bound = self._start - 1
        for moved_ones in self._moved:
            later = moved_ones.before(us, bound)
            if later is not None and (bound is None or later > bound):
                found = bound = later
        return found

    def _kept_after(self, us: int) -> int | None:
        """The first instant that stays where the trigger names it."""
        for _ in range(MAX_EXCLUDED_DAYS):
            nominal = self._trigger.after(us)
            if nominal is None or (self._end is not None and nominal >= self._end):
                return None
            day = self._excluded_day(nominal)
            if day is None:
                return nominal
            us = max(nominal, day[1] - 1)
        return None

    def _kept_before(self, us: int) -> int | None:
        for _ in range(MAX_EXCLUDED_DAYS):
            nominal = self._trigger.before(us)
            if nominal is None or (self._start is not None and nominal < self._start):
                return None
            day = self._excluded_day(nominal)
            if day is None:
                return nominal
            us = min(nominal, day[0])
        return None

    def due(self, nominal: int) -> int:
        """When an instant is due: its nominal time and its jitter."""
        if nominal in self._known:
            return self._known[nominal]
        if not self._jitter:
            return nominal
        following = self.after(nominal)
        gap = None if following is None else following - nominal
        return nominal + jitter_of(self._id, nominal, self._jitter, gap)

    def walk(self, after: int) -> Iterator[tuple[int, int]]:
        """(nominal, due) of each instant strictly after `after`, in order."""
        nominal = self.after(after)
        while nominal is not None:
            yield nominal, self.due(nominal)
            nominal = self.after(nominal)

    def _excluded_day(self, nominal: int) -> tuple[int, int] | None:
        return None if self._days_off is None else self._days_off.excluded_day(nominal)


def _counted(work: Work, search: Callable[[int], int | None], us: int) -> int | None:
    token = COUNTING.set(work)  # `with` takes twice as long
    try:
        found = search(us)
    finally:
        COUNTING.reset(token)
    if found is not None:
        work.most += WORK_PER_INSTANT
    return found


def _us(duration: Duration | None) -> int | None:
    return None if duration is None else duration.us
