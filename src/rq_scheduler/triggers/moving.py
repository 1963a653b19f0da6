"""Instants on excluded days, moved to the same local time of the nearest day that is not excluded.

Owns which instants those are and in which zone their local time is read. Knows no schedule, no Redis and no RQ.
Instants are microseconds since the epoch, UTC; a *wall* is a time of day in microseconds since midnight.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from rq_scheduler.clock import US
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.any_of import AnyOf, AnyTrigger
from rq_scheduler.triggers.base import MAX_US, MIN_US, Trigger
from rq_scheduler.triggers.exclusions import MAX_EXCLUDED_DAYS, AnyExclusion, DaysOff, Span
from rq_scheduler.triggers.work import spend
from rq_scheduler.triggers.zones import zone

__all__ = ["Moved", "clocks_of", "moved"]

MAX_DAYS_MOVED = 366
"""Days that an instant is moved at most. One that meets no other day by then does not run."""

_DAY = 86_400 * US
_WALLS = range(_DAY)

_A_DAY, _A_DISTANCE = 8, 8
"""What it counts to look for one day's walls, and for what is moved to it from one other day."""


def clocks_of(trigger: AnyTrigger, exclude: Sequence[AnyExclusion]) -> dict[str, list[AnyTrigger]]:
    """The zones whose clocks say what the same local time is, each with its triggers: a trigger's own; where it reads
    no clock, that of the triggers beside it, or that of the exclusions, or UTC.

    Raises InvalidArgument where several exclusions name several.
    """
    found: dict[str, list[AnyTrigger]] = {}
    for one in trigger.triggers if isinstance(trigger, AnyOf) else (trigger,):
        names = one.zone_names or trigger.zone_names
        if len(names) != 1:
            names = {exclusion.timezone or trigger.zone_name for exclusion in exclude}
        if len(names) > 1:
            raise InvalidArgument(
                f"exclude counts days in {' and '.join(sorted(names))}, so it is not clear by which clock a moved run "
                f"of {one!r} is at the same time of day: give all of its days the same timezone"
            )
        found.setdefault(next(iter(names), "UTC"), []).append(one)
    return found


def moved(trigger: AnyTrigger, exclude: Sequence[AnyExclusion], days_off: DaysOff, direction: int) -> list[Moved]:
    """The moved instants of a trigger, one series for each clock; `direction` is 1 for the next day, -1 for the
    previous one."""
    return [
        Moved(triggers[0] if len(triggers) == 1 else AnyOf(*triggers), name, days_off, direction)
        for name, triggers in clocks_of(trigger, exclude).items()
    ]


class Moved:
    """The moved instants of one trigger by the clock of one zone: for each that is named on an excluded day, one at the
    same wall of the nearest day in `direction` on which that is not excluded.

    A wall that is skipped there is right after the jump, one that is shown twice is the first of the two, as for all
    that is at a fixed time.
    """

    def __init__(self, trigger: Trigger, zone_name: str, days_off: DaysOff, direction: int) -> None:
        self._trigger = trigger
        self._zone = zone(zone_name)
        self._days_off = days_off
        self._direction = direction
        self._excluded: dict[int, list[Span]] = {}
        self._of_day: dict[int, list[tuple[int, int, int]]] = {}

    def after(self, us: int, bound: int | None) -> int | None:
        """The first one strictly after `us`; None where there is none before `bound`, behind which nobody asks."""
        return self._search(self._zone.day_number(us // US), us, 1, MAX_US if bound is None else bound)

    def before(self, us: int, bound: int | None) -> int | None:
        """The last one strictly before `us`; None where there is none after `bound`."""
        # One day more: a clock that is put back past midnight has shown it already.
        return self._search(self._zone.day_number(us // US) + 1, us, -1, MIN_US if bound is None else bound)

    def _search(self, day: int, us: int, sign: int, bound: int) -> int | None:
        for _ in range(MAX_EXCLUDED_DAYS):
            spend(1)
            if (self._begin(day) - bound if sign > 0 else bound - self._end(day)) >= 0:
                return None
            found = self._moved_to(day, us, sign)
            if found is not None:
                return found if MIN_US <= found <= MAX_US else None
            following = self._following(day, sign)
            if following is None:
                return None
            day = following
        return None

    def _following(self, day: int, sign: int) -> int | None:
        """The next day to which anything can be moved; one too early is harmless."""
        along = sign == self._direction
        if along and self._walls_off(day):
            return day + sign
        while not along and _is_all(self._walls_off(day + sign)):
            day += sign  # what is named there has been moved to where the search comes from
        named = self._trigger.after(self._begin(day + 1) - 1) if sign > 0 else self._trigger.before(self._end(day - 1))
        if named is None:
            return None
        target = self._zone.day_number(named // US)
        while not along and self._walls_off(target) and (target - day) * sign > 1:
            target -= sign
        # A day early: where a clock is put back past midnight, two days take turns.
        return max(day + 1, target - 1) if sign > 0 else min(day - 1, target + 1)

    def _moved_to(self, day: int, us: int, sign: int) -> int | None:
        """The first (sign 1) or last (-1) instant that is moved to this day and lies after (before) `us`."""
        if not self._walls_off(day - self._direction):
            return None
        walls = _without(self._walls_off(day))
        if sign > 0:
            walls = _both(walls, [(bisect_right(_WALLS, us, key=lambda wall: self._at(day, wall)), _DAY)])
        else:
            walls = _both(walls, [(0, bisect_left(_WALLS, us, key=lambda wall: self._at(day, wall)))])
        found: list[int] = []
        for distance in range(1, MAX_DAYS_MOVED + 1):
            source = day - distance * self._direction
            excluded = self._walls_off(source)
            if not walls or not excluded:
                break
            spend(_A_DISTANCE)
            found += self._named_on(source, walls, sign)
            walls = _both(walls, excluded)
        return self._at(day, min(found) if sign > 0 else max(found)) if found else None

    def _named_on(self, day: int, walls: list[Span], sign: int) -> Iterable[int]:
        """Of the walls at which instants are excluded on this day, the first (last) within each of `walls`."""
        for lo, hi, offset in self._pieces(day):
            named = [(wall - offset, end - offset) for wall, end in walls]
            for first, end in _both(self._days_off.spans(lo, hi), named):
                at = self._trigger.after(first - 1) if sign > 0 else self._trigger.before(end)
                if at is not None and first <= at < end:
                    yield at + offset

    def _walls_off(self, day: int) -> list[Span]:
        """The walls of a day at which an instant would be excluded; all of them, where the zone skipped the day."""
        found = self._excluded.get(day)
        if found is None:
            spend(_A_DAY)
            found = self._excluded[day] = self._work_out(day)
        return found

    def _work_out(self, day: int) -> list[Span]:
        if not self._pieces(day):
            return [(0, _DAY)]
        first, last = self._at(day, 0), self._at(day, _DAY - 1)

        def wall_of(us: int) -> int:
            if us <= first:
                return 0
            return _DAY if us > last else bisect_left(_WALLS, us, key=lambda wall: self._at(day, wall))

        spans = [(wall_of(lo), wall_of(hi)) for lo, hi in self._days_off.spans(first, last + 1)]
        return [span for span in spans if span[0] < span[1]]

    def _at(self, day: int, wall: int) -> int:
        """The instant of this wall: the first time that it is shown, or the moment at which it is jumped over."""
        at = 0
        for lo, hi, offset in self._pieces(day):
            if wall < hi + offset:
                return max(lo, wall - offset)
            at = hi
        return at

    def _begin(self, day: int) -> int:
        while not (pieces := self._pieces(day)):
            day += 1
        return pieces[0][0]

    def _end(self, day: int) -> int:
        while not (pieces := self._pieces(day)):
            day -= 1
        return pieces[-1][1]

    def _pieces(self, day: int) -> list[tuple[int, int, int]]:
        """The stretches of time that have this date: from, to, and what makes a wall of an instant."""
        found = self._of_day.get(day)
        if found is None:
            pieces = self._zone.pieces(day)
            found = self._of_day[day] = [(lo * US, hi * US, offset * US - day * _DAY) for lo, hi, offset in pieces]
        return found


def _is_all(spans: list[Span]) -> bool:
    return spans == [(0, _DAY)]


def _without(spans: list[Span]) -> list[Span]:
    """The rest of the day; the spans are in order."""
    edges = [0, *(edge for span in spans for edge in span), _DAY]
    return [(lo, hi) for lo, hi in zip(edges[::2], edges[1::2], strict=True) if lo < hi]


def _both(some: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """What lies in both."""
    pairs = ((max(lo, low), min(hi, high)) for lo, hi in some for low, high in others)
    return [(lo, hi) for lo, hi in pairs if lo < hi]
