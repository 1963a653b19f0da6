"""The local times of one recurrence rule, searched in both directions.

Owns what RFC 5545's rule parts mean. Knows neither the text (`rrule_text`) nor any zone. A search starts at the period
asked about, however long ago the rule began, and ends after so many periods without a time. A *wall* is a local date
and time written as if it were UTC, in seconds since 1970-01-01T00:00; days are as in `rrule_days`.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import gcd

from rq_scheduler.triggers.rrule_days import (
    CALENDAR_PERIODS,
    FIRST_DAY,
    LAST_DAY,
    MAX_CACHED,
    MONTH_COST,
    THURSDAY,
    Days,
    date_of,
    weekday_of,
)
from rq_scheduler.triggers.rrule_text import DAY, Freq, Rule
from rq_scheduler.triggers.walls import at_positions, combined
from rq_scheduler.triggers.work import spend

__all__ = ["RuleCalendar"]

_UNITS = {Freq.DAILY: DAY, Freq.HOURLY: 3600, Freq.MINUTELY: 60, Freq.SECONDLY: 1}
_WEEK = 7 * DAY

_FINE_PERIODS = 100_000
"""So many periods of a day or less in a row without a time mean that there is none; all are passed over at once that
another part rules out."""

_SEARCH = 6
"""What it counts to begin a search."""

_A_WEEK = 4
"""What it counts to work out a week beyond the one at which a search begins."""


class RuleCalendar:
    """The walls of a rule that begins at the wall `start` and ends with the wall `last`, if one is given.

    What the rule leaves open is that of `start`: BYDAY beside BYWEEKNO too, as RFC 5545 says (dateutil takes all seven
    days). Weekdays with and without a number in one BYDAY are a union. BYSETPOS counts in whole periods, the first one
    too.
    """

    def __init__(self, rule: Rule, start: int, last: int | None = None) -> None:
        self._rule = rule
        self._start = start
        self._last = last
        self._days = Days(rule, start // DAY)
        second = start % DAY
        self._hours = rule.hours or ((second // 3600,) if rule.freq < Freq.HOURLY else ())
        self._minutes = rule.minutes or ((second // 60 % 60,) if rule.freq < Freq.MINUTELY else ())
        self._seconds = rule.seconds or ((second % 60,) if rule.freq < Freq.SECONDLY else ())
        self._periods: _Periods = (
            _CalendarPeriods(rule, start, self._days, self._times_of_day())
            if rule.freq <= Freq.WEEKLY
            else _FinePeriods(rule, start, self._days, self._hours, self._minutes, self._seconds)
        )
        if rule.count is not None:
            self._last = self._wall_number(rule.count)

    def at_or_after(self, wall: int) -> int | None:
        """The first wall that is not before `wall`, or None up to the end of year 9999."""
        spend(_SEARCH)
        wall = max(wall, self._start)
        if self._last is not None and wall > self._last:
            return None
        for walls in self._periods.forward(wall):
            at = bisect_left(walls, wall)
            if at < len(walls):
                return walls[at] if self._last is None or walls[at] <= self._last else None
            if self._last is not None and walls and walls[-1] > self._last:
                return None
        return None

    def at_or_before(self, wall: int) -> int | None:
        """The last wall that is not after `wall`, or None back to the start."""
        spend(_SEARCH)
        if self._last is not None:
            wall = min(wall, self._last)
        if wall < self._start:
            return None
        for walls in self._periods.backward(wall):
            at = bisect_right(walls, wall)
            if at:
                return walls[at - 1] if walls[at - 1] >= self._start else None
        return None

    def _times_of_day(self) -> Sequence[int]:
        return _times(self._hours, self._minutes, self._seconds)

    def _wall_number(self, count: int) -> int:
        """The wall of that number, counted from 1; of fewer, the last."""
        wall, left = self._start - 1, count
        while left:
            before = left
            for walls in self._periods.forward(wall + 1):
                at = bisect_left(walls, wall + 1)
                taken = min(left, len(walls) - at)
                if taken:
                    wall, left = walls[at + taken - 1], left - taken
                if not left:
                    break
            if left == before:
                break
        return wall


class _Periods(ABC):
    """The walls of a rule, a period at a time, as sorted lists."""

    @abstractmethod
    def forward(self, wall: int) -> Iterator[Sequence[int]]:
        """From the period of `wall` on."""

    @abstractmethod
    def backward(self, wall: int) -> Iterator[Sequence[int]]:
        """From the period of `wall` back."""


class _CalendarPeriods(_Periods):
    """Years, months or weeks."""

    def __init__(self, rule: Rule, start: int, days: Days, times: Sequence[int]) -> None:
        self._rule = rule
        self._days = days
        self._times = times
        self._origin = self._number(start // DAY)
        self._walls = functools.lru_cache(maxsize=MAX_CACHED)(self._work_out)
        months = tuple(days.months) or tuple(range(1, 13))
        # A year is looked at month by month, unless positions are counted in all of it.
        self._parts = months if rule.freq == Freq.YEARLY and not rule.positions else (0,)
        self._cost = _A_WEEK if rule.freq == Freq.WEEKLY else MONTH_COST
        if rule.freq == Freq.YEARLY and rule.positions:
            self._cost = MONTH_COST * len(months)
        self._cost += len(rule.positions)

    def forward(self, wall: int) -> Iterator[Sequence[int]]:
        interval = self._rule.interval
        ahead = self._number(min(wall // DAY, LAST_DAY)) - self._origin
        number = self._origin + max(0, ahead - ahead % interval)
        last = self._number(LAST_DAY)
        first = self._part(wall, number)
        cost = 0
        for _ in range(CALENDAR_PERIODS[self._rule.freq]):
            if number > last:
                return
            for part in self._parts:
                if part < first:
                    continue
                if cost:
                    spend(cost)
                yield self._walls(number, part)
                cost = self._cost
            number += interval
            first = 0

    def backward(self, wall: int) -> Iterator[Sequence[int]]:
        interval = self._rule.interval
        ahead = self._number(min(wall // DAY, LAST_DAY)) - self._origin
        number = self._origin + ahead - ahead % interval
        last = self._part(wall, number) or 12
        cost = 0
        for _ in range(CALENDAR_PERIODS[self._rule.freq]):
            if number < self._origin:
                return
            for part in reversed(self._parts):
                if part > last:
                    continue
                if cost:
                    spend(cost)
                yield self._walls(number, part)
                cost = self._cost
            number -= interval
            last = 12

    def _part(self, wall: int, number: int) -> int:
        """The month of this wall, where it lies in the period of this number; else 0."""
        if len(self._parts) == 1:
            return 0
        day = min(wall // DAY, LAST_DAY)
        return date_of(day).month if self._number(day) == number else 0

    def _number(self, day: int) -> int:
        """Which period this day lies in."""
        if self._rule.freq == Freq.WEEKLY:
            return (day + THURSDAY - self._rule.week_start) // 7
        at = date_of(day)
        return at.year if self._rule.freq == Freq.YEARLY else at.year * 12 + at.month - 1

    def _work_out(self, number: int, part: int) -> Sequence[int]:
        rule = self._rule
        if rule.freq == Freq.YEARLY:
            months = (part,) if part else self._days.months or range(1, 13)
            days = [day for month in months for day in self._days.of_month(number, month)]
        elif rule.freq == Freq.MONTHLY:
            days = self._days.of_month(number // 12, number % 12 + 1)
        else:
            first = number * 7 - THURSDAY + rule.week_start
            days = [day for day in range(max(first, FIRST_DAY), min(first + 6, LAST_DAY) + 1) if self._days.passes(day)]
        return at_positions(combined([day * DAY for day in days], self._times), rule.positions)


class _FinePeriods(_Periods):
    """Days, hours, minutes or seconds. Those that some part rules out are passed over without a look at each."""

    def __init__(
        self,
        rule: Rule,
        start: int,
        days: Days,
        hours: Sequence[int],
        minutes: Sequence[int],
        seconds: Sequence[int],
    ) -> None:
        unit = _UNITS[rule.freq]
        self._unit = unit
        self._step = unit * rule.interval
        self._origin = start - start % unit
        self._days = days
        self._positions = rule.positions
        # The parts that say which periods there are, by the length of what they name, and the times within one.
        self._limits = [
            _Limit(size, count, values)
            for size, count, values in ((3600, 24, hours), (60, 60, minutes), (1, 60, seconds))
            if unit <= size and values
        ]
        self._times = _times(
            hours if unit > 3600 else (0,), minutes if unit > 60 else (0,), seconds if unit > 1 else (0,)
        )
        self._cost = 1 + len(rule.positions)
        self._meets = self._can_meet(rule.weekdays)

    def _can_meet(self, weekdays: Sequence[int]) -> bool:
        """Whether steps of this length ever meet a time of the week that no part rules out."""
        apart = gcd(self._step, _WEEK)
        at = self._origin % apart
        while at < _WEEK:
            spend(1)
            ahead = (at // DAY + 1) * DAY if weekdays and weekday_of(at // DAY) not in weekdays else self._ahead(at)
            if ahead == at:
                return True
            at = ahead + (at - ahead) % apart
        return False

    def _ahead(self, at: int) -> int:
        """The first second from `at` on that may be one, for all that the first part says that rules `at` out."""
        for limit in self._limits:
            value = at // limit.size % limit.count
            if limit.ahead[value]:
                return (at // limit.size + limit.ahead[value]) * limit.size
        return at

    def _back(self, at: int) -> int:
        """The last second up to `at` that may be one, in the same way."""
        for limit in self._limits:
            value = at // limit.size % limit.count
            if limit.back[value]:
                return (at // limit.size - limit.back[value] + 1) * limit.size - 1
        return at

    def forward(self, wall: int) -> Iterator[Sequence[int]]:
        at = wall - self._unit + 1
        end = (LAST_DAY + 1) * DAY
        cost = 0
        for _ in range(_FINE_PERIODS if self._meets else 0):
            at = max(self._origin, at + (self._origin - at) % self._step)
            if at >= end:
                return
            day = self._days.from_day(at // DAY)
            if day is None:
                return
            if day > at // DAY:
                at = day * DAY
                continue
            if cost:
                spend(cost)
            cost = self._cost
            ahead = self._ahead(at) if self._limits else at
            if ahead == at:
                yield self._walls(at)
                ahead += self._unit
            at = ahead

    def backward(self, wall: int) -> Iterator[Sequence[int]]:
        at = min(wall, (LAST_DAY + 1) * DAY - 1)
        cost = 0
        for _ in range(_FINE_PERIODS if self._meets else 0):
            at -= (at - self._origin) % self._step
            if at < self._origin:
                return
            day = self._days.upto_day(at // DAY)
            if day is None:
                return
            if day < at // DAY:
                at = (day + 1) * DAY - 1
                continue
            if cost:
                spend(cost)
            cost = self._cost
            back = self._back(at) if self._limits else at
            if back == at:
                yield self._walls(at)
                back -= 1
            at = back

    def _walls(self, at: int) -> Sequence[int]:
        return at_positions(combined((at,), self._times), self._positions)


class _Limit:
    """The values that one part allows of what is `size` seconds long and counted to `count`. `ahead` and `back` say of
    each value how far the next allowed one is, or the end of the count; 0 for an allowed one."""

    def __init__(self, size: int, count: int, values: Sequence[int]) -> None:
        self.size = size
        self.count = count
        above = [*sorted(values), count]
        below = [-1, *sorted(values)]
        self.ahead = [above[bisect_left(above, value)] - value for value in range(count)]
        self.back = [value - below[bisect_right(below, value) - 1] for value in range(count)]


def _times(hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int]) -> Sequence[int]:
    """Each of these times of day, in seconds."""
    in_an_hour = combined([minute * 60 for minute in minutes], seconds)
    return combined([hour * 3600 for hour in hours], in_an_hour)
