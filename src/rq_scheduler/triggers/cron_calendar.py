"""Wall time of a cron string: which local dates and times it names, whatever the zone.

Owns the calendar part of cron. Knows no zone and no trigger. A *wall* is a local date and time written as if it
were UTC, in seconds since 1970-01-01T00:00.
"""

from __future__ import annotations

from datetime import date

from rq_scheduler.triggers.cron_text import LAST_YEAR, CronText
from rq_scheduler.triggers.work import spend

__all__ = ["CronCalendar"]

_DAY_SECONDS = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_DAY = date.min.toordinal() - _EPOCH_ORDINAL
_LAST_DAY = date.max.toordinal() - _EPOCH_ORDINAL
_THURSDAY = 4  # 1970-01-01, with Sunday 0
_YEAR = 4
"""What a year counts in which there is nothing."""
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _upto(mask: int, value: int) -> int:
    """The highest bit of the mask that is not above `value`, or -1."""
    return (mask & ((2 << value) - 1)).bit_length() - 1


def _length(year: int, month: int) -> int:
    if month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        return 29
    return _LENGTHS[month]


def _nearest_weekday(day: int, first: int, length: int) -> int:
    """The one of Monday to Friday that is nearest to this day in the same month, whose 1st is the weekday `first`."""
    weekday = (first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else 3
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day


class CronCalendar:
    """The walls that a cron string names, searched in both directions.

    `both` says that both day fields must match; otherwise either does, unless one of them is open (`*`).
    """

    __slots__ = ("_both", "_daily", "_first_time", "_last_time", "_month_days", "_text")

    def __init__(self, text: CronText, *, both: bool) -> None:
        self._text = text
        self._both = both or text.days_open
        # What a month of this first weekday and length looks like; there are only 28 of them.
        self._month_days: dict[tuple[int, int], int] = {}
        every_day = self._days(0, 31) == 0xFFFF_FFFE
        self._daily = every_day and text.months == 0x1FFE and text.years is None and text.days == 0xFFFF_FFFE
        first = self._time_from(0)
        self._first_time = first
        self._last_time = self._time_upto(_DAY_SECONDS - 1)

    def at_or_after(self, wall: int) -> int | None:
        """The first wall named that is not before `wall`, or None up to the end of year 9999."""
        day, time = divmod(wall, _DAY_SECONDS)
        if day < _FIRST_DAY:
            day, time = _FIRST_DAY, 0
        found = self._day_from(day)
        if found == day:
            at = self._time_from(time)
            if at >= 0:
                return day * _DAY_SECONDS + at
            found = self._day_from(day + 1)
        return None if found is None else found * _DAY_SECONDS + self._first_time

    def at_or_before(self, wall: int) -> int | None:
        """The last wall named that is not after `wall`, or None back to the beginning of year 1."""
        day, time = divmod(wall, _DAY_SECONDS)
        if day > _LAST_DAY:
            day, time = _LAST_DAY, _DAY_SECONDS - 1
        found = self._day_upto(day)
        if found == day:
            at = self._time_upto(time)
            if at >= 0:
                return day * _DAY_SECONDS + at
            found = self._day_upto(day - 1)
        return None if found is None else found * _DAY_SECONDS + self._last_time

    def _time_from(self, time: int) -> int:
        """The first time of day (in seconds) at or after `time`, or -1."""
        text = self._text
        hour, rest = divmod(time, 3600)
        minute, second = divmod(rest, 60)
        if text.hours >> hour & 1:
            if text.minutes >> minute & 1:
                seconds = text.seconds >> second
                if seconds:
                    return time + _lowest(seconds)
            minutes = text.minutes >> (minute + 1)
            if minutes:
                return hour * 3600 + (minute + 1 + _lowest(minutes)) * 60 + _lowest(text.seconds)
        hours = text.hours >> (hour + 1)
        if not hours:
            return -1
        return (hour + 1 + _lowest(hours)) * 3600 + _lowest(text.minutes) * 60 + _lowest(text.seconds)

    def _time_upto(self, time: int) -> int:
        """The last time of day (in seconds) at or before `time`, or -1."""
        text = self._text
        hour, rest = divmod(time, 3600)
        minute, second = divmod(rest, 60)
        if text.hours >> hour & 1:
            if text.minutes >> minute & 1:
                found = _upto(text.seconds, second)
                if found >= 0:
                    return hour * 3600 + minute * 60 + found
            found = _upto(text.minutes, minute - 1) if minute else -1
            if found >= 0:
                return hour * 3600 + found * 60 + text.seconds.bit_length() - 1
        found = _upto(text.hours, hour - 1) if hour else -1
        if found < 0:
            return -1
        return found * 3600 + (text.minutes.bit_length() - 1) * 60 + text.seconds.bit_length() - 1

    def _day_from(self, day: int) -> int | None:
        if day > _LAST_DAY:
            return None
        if self._daily:
            return day
        text = self._text
        at = date.fromordinal(day + _EPOCH_ORDINAL)
        year, month, dom = at.year, at.month, at.day
        while True:
            if text.months >> month & 1 and (text.years is None or text.years >> year & 1):
                first = date(year, month, 1).toordinal() - _EPOCH_ORDINAL
                days = self._days((first + _THURSDAY) % 7, _length(year, month)) >> dom
                if days:
                    return first - 1 + dom + _lowest(days)
                months = text.months >> (month + 1)
            else:
                months = text.months >> (month + 1) if text.years is None or text.years >> year & 1 else 0
            if months:
                month += 1 + _lowest(months)
            else:
                spend(_YEAR)
                year += 1
                if text.years is not None:
                    years = text.years >> year
                    if not years:
                        return None
                    year += _lowest(years)
                if year > LAST_YEAR:
                    return None
                month = _lowest(text.months)
            dom = 1

    def _day_upto(self, day: int) -> int | None:
        if day < _FIRST_DAY:
            return None
        if self._daily:
            return day
        text = self._text
        at = date.fromordinal(day + _EPOCH_ORDINAL)
        year, month, dom = at.year, at.month, at.day
        while True:
            fits = text.years is None or text.years >> year & 1
            if fits and text.months >> month & 1:
                first = date(year, month, 1).toordinal() - _EPOCH_ORDINAL
                found = _upto(self._days((first + _THURSDAY) % 7, _length(year, month)), dom)
                if found > 0:
                    return first - 1 + found
            month = _upto(text.months, month - 1) if fits else -1
            if month < 1:
                spend(_YEAR)
                year = year - 1 if text.years is None else _upto(text.years, year - 1)
                if year < 1:
                    return None
                month = text.months.bit_length() - 1
            dom = 31

    def _days(self, first: int, length: int) -> int:
        """The days named in a month whose 1st is the weekday `first` (Sunday 0), as a mask."""
        known = self._month_days.get((first, length))
        if known is not None:
            return known
        text = self._text
        by_day = text.days
        if text.last_day:
            by_day |= 1 << length
        if text.last_weekday:
            by_day |= 1 << _nearest_weekday(length, first, length)
        if text.near_days:
            for day in range(1, 32):
                if text.near_days >> day & 1:
                    by_day |= 1 << _nearest_weekday(min(day, length), first, length)
        by_weekday = 0
        for day in range(1, length + 1):
            weekday = (first + day - 1) % 7
            if (
                text.weekdays >> weekday & 1
                or (day + 7 > length and text.last_of >> weekday & 1)
                or (weekday, (day + 6) // 7) in text.nth
            ):
                by_weekday |= 1 << day
        found = (by_day & by_weekday if self._both else by_day | by_weekday) & ((1 << (length + 1)) - 2)
        self._month_days[first, length] = found
        return found
