"""Which days the parts of a recurrence rule name, and days as numbers: a *day* is a date in days since 1970-01-01."""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import MAXYEAR, date

from rq_scheduler.triggers.rrule_text import Freq, Rule
from rq_scheduler.triggers.work import spend

__all__ = [
    "CALENDAR_PERIODS",
    "FIRST_DAY",
    "LAST_DAY",
    "MAX_CACHED",
    "MONTH_COST",
    "THURSDAY",
    "Days",
    "date_of",
    "weekday_of",
]

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
FIRST_DAY = date.min.toordinal() - _EPOCH_ORDINAL
LAST_DAY = date.max.toordinal() - _EPOCH_ORDINAL
THURSDAY = 3  # 1970-01-01, with Monday 0

MAX_CACHED = 256
"""Months, or periods, whose days are remembered."""

CALENDAR_PERIODS = {Freq.YEARLY: 400, Freq.MONTHLY: 400 * 12, Freq.WEEKLY: 400 * 53}
"""The calendar repeats after 400 years: so many periods in a row without a time mean that there is none."""

MONTH_COST = 10
"""What it counts to work out a month beyond the one at which a search begins."""


class Days:
    """Which days the parts of a rule that name days let pass."""

    def __init__(self, rule: Rule, start: int) -> None:
        at = date_of(start)
        self.months: Sequence[int] = rule.months
        self._month_days = set(rule.month_days)
        self._weekdays = set(rule.weekdays)
        self._rule = rule
        if not (rule.month_days or rule.weekdays or rule.nth or rule.year_days):
            if rule.weeks or rule.freq == Freq.WEEKLY:
                self._weekdays = {at.weekday()}
            elif rule.freq == Freq.YEARLY:
                self.months = self.months or (at.month,)
                self._month_days = {at.day}
            elif rule.freq == Freq.MONTHLY:
                self._month_days = {at.day}
        self._of_month = functools.lru_cache(maxsize=MAX_CACHED)(self._work_out)

    def of_month(self, year: int, month: int) -> list[int]:
        """The days of this month, in order."""
        return self._of_month(year, month)

    def passes(self, day: int) -> bool:
        """Whether this day is one."""
        at = date_of(day)
        return day in self.of_month(at.year, at.month)

    def from_day(self, day: int) -> int | None:
        """The first one that is not before `day`, or None."""
        at = date_of(day)
        year, month = at.year, at.month
        for _ in range(CALENDAR_PERIODS[Freq.MONTHLY]):
            days = self.of_month(year, month)
            if days and days[-1] >= day:
                return days[bisect_left(days, day)]
            spend(MONTH_COST)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if year > MAXYEAR:
                return None
        return None

    def upto_day(self, day: int) -> int | None:
        """The last one that is not after `day`, or None."""
        at = date_of(day)
        year, month = at.year, at.month
        for _ in range(CALENDAR_PERIODS[Freq.MONTHLY]):
            days = self.of_month(year, month)
            if days and days[0] <= day:
                return days[bisect_right(days, day) - 1]
            spend(MONTH_COST)
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
            if year < 1:
                return None
        return None

    def _work_out(self, year: int, month: int) -> list[int]:
        rule = self._rule
        if self.months and month not in self.months:
            return []
        first = day_of(year, month, 1)
        length = first_of_next(year, month) - first
        new_year = day_of(year, 1, 1)
        year_length = first_of_next(year, 12) - new_year
        by_year = rule.freq == Freq.YEARLY and not rule.months
        begin, span = (new_year, year_length) if by_year else (first, length)
        found: list[int] = []
        for day in range(first, first + length):
            number, in_year = day - first + 1, day - new_year + 1
            if self._month_days and not {number, number - length - 1} & self._month_days:
                continue
            if rule.year_days and not {in_year, in_year - year_length - 1} & set(rule.year_days):
                continue
            if self._weekdays or rule.nth:
                weekday = weekday_of(day)
                forth, back = (day - begin) // 7 + 1, -((begin + span - 1 - day) // 7) - 1
                if weekday not in self._weekdays and not {(weekday, forth), (weekday, back)} & set(rule.nth):
                    continue
            if rule.weeks and not self._in_weeks(day):  # last: it is what costs most
                continue
            found.append(day)
        return found

    def _in_weeks(self, day: int) -> bool:
        """Whether its week has one of the numbers: week 1 has at least four days of its year."""
        week = day - (weekday_of(day) - self._rule.week_start) % 7
        year = date_of(min(max(week + 3, FIRST_DAY), LAST_DAY)).year
        number = (week - first_week(year, self._rule.week_start)) // 7 + 1
        weeks = 53 if year == MAXYEAR else (first_week(year + 1, self._rule.week_start) - week) // 7 + number - 1
        return number in self._rule.weeks or number - weeks - 1 in self._rule.weeks


def date_of(day: int) -> date:
    return date.fromordinal(min(max(day, FIRST_DAY), LAST_DAY) + _EPOCH_ORDINAL)


def day_of(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - _EPOCH_ORDINAL


def first_of_next(year: int, month: int) -> int:
    if month < 12:
        return day_of(year, month + 1, 1)
    return LAST_DAY + 1 if year == MAXYEAR else day_of(year + 1, 1, 1)


def weekday_of(day: int) -> int:
    return (day + THURSDAY) % 7


def first_week(year: int, week_start: int) -> int:
    """The first day of week 1: the week that has 4 January."""
    fourth = day_of(year, 1, 4)
    return fourth - (weekday_of(fourth) - week_start) % 7
