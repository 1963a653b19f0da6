"""What lays local times on a zone's timeline: which instants they are when the clock changes.

Owns the rules for times that are skipped or repeated. Knows neither where the times come from (`cron_calendar`
and `rrule_calendar` name them) nor any trigger.
"""

from __future__ import annotations

from rq_scheduler.clock import US
from rq_scheduler.triggers.base import MAX_US, MIN_US
from rq_scheduler.triggers.calendars import Calendar
from rq_scheduler.triggers.work import spend
from rq_scheduler.triggers.zones import CHUNK_SECONDS, MAX_OFFSET_CHANGE, Stretch, Zone

__all__ = ["Timeline"]

_FIRST = MIN_US // US
_LAST = MAX_US // US

# A wildcard cron may name only walls that its zone always skips (`*/15 2 * 3 0L` in Paris). Each costs the walk at
# most two steps, once a year; zone data is irregular up to 2087 at most, and from there on all kinds of year (leap or
# not, each first weekday) occur within 40 years. So a walk this long without an instant will never meet one.
_MAX_STEPS = 400

_STEP = 20
"""What a step to another part of the timeline counts, which may have to be worked out."""


class Timeline:
    """Local times laid on one zone's timeline, with Debian cron's rules for changes of the clock.

    On each stretch of constant offset, instants are wall times less the offset. What is at `fixed` times starts at the
    one that the clocks had reached before (`Stretch.seen`), which leaves out what is shown again; if walls
    named were jumped over, the moment of the jump is an instant. What runs by elapsed time takes each stretch as
    it is.
    """

    __slots__ = ("_calendar", "_fixed", "_zone")

    def __init__(self, calendar: Calendar, zone: Zone, *, fixed: bool) -> None:
        self._calendar = calendar
        self._zone = zone
        self._fixed = fixed

    def after(self, us: int) -> int | None:
        at = max(us // US + 1, _FIRST)
        calendar = self._calendar
        for _ in range(_MAX_STEPS):
            if at > _LAST:
                return None
            offset = start = 0
            found = None
            for stretch in self._zone.stretches(at // CHUNK_SECONDS):
                lo, hi, offset, seen = stretch
                if hi <= at:
                    continue
                start = at + offset
                if self._fixed:
                    if at == lo and self._jumped(stretch):
                        return at * US
                    start = max(start, seen)
                found = calendar.at_or_after(start)
                if found is not None and found < hi + offset:
                    return self._within((found - offset) * US)
                at = hi
            # Nothing here: go on where the next wall named can be, however far the clock is turned meanwhile.
            # (Where the last search began before that, it has the answer.)
            if start > at + offset - MAX_OFFSET_CHANGE:
                found = calendar.at_or_after(at + offset - MAX_OFFSET_CHANGE)
            if found is None:
                return None
            at = max(at, found - offset - MAX_OFFSET_CHANGE)
            spend(_STEP)
        return None

    def before(self, us: int) -> int | None:
        at = min((us - 1) // US, _LAST)
        calendar = self._calendar
        for _ in range(_MAX_STEPS):
            if at < _FIRST:
                return None
            offset = start = 0
            found = None
            for stretch in reversed(self._zone.stretches(at // CHUNK_SECONDS)):
                lo, hi, offset, seen = stretch
                if lo > at:
                    continue
                start = min(at, hi - 1) + offset
                found = calendar.at_or_before(start)
                if found is not None and found >= (max(seen, lo + offset) if self._fixed else lo + offset):
                    return self._within((found - offset) * US)
                if self._fixed and self._jumped(stretch):
                    return lo * US
                at = lo - 1
            if start < at + offset + MAX_OFFSET_CHANGE:
                found = calendar.at_or_before(at + offset + MAX_OFFSET_CHANGE)
            if found is None:
                return None
            at = min(at, found - offset + MAX_OFFSET_CHANGE)
            spend(_STEP)
        return None

    def _jumped(self, stretch: Stretch) -> bool:
        """Were walls named jumped over when this stretch began?"""
        resumed = stretch.lo + stretch.offset
        if stretch.seen >= resumed:
            return False
        found = self._calendar.at_or_after(stretch.seen)
        return found is not None and found < resumed

    @staticmethod
    def _within(us: int) -> int | None:
        return us if MIN_US <= us <= MAX_US else None
