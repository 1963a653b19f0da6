"""Time as this package counts it: integer microseconds since the epoch, UTC ("us"), and where it comes from.

Owns the conversions between datetimes, durations and microseconds, and the injectable clock. Knows no Redis, no RQ and
no trigger. All arithmetic is on integers: a double would lose microseconds in year 9999, and 100,000 steps of 0.1 s
would drift.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Protocol, SupportsFloat

from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of

__all__ = ["US", "Clock", "SystemClock", "duration_us", "from_us", "in_zone", "mean_time_of", "timedelta_us", "to_us"]

US = 1_000_000
"""Microseconds in a second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_US = timedelta(microseconds=1)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch for a datetime; a naive one is read as UTC. Exact from year 1 to 9999."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _ONE_US


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """An aware moment by the clock of a zone; by UTC's in the first and the last hours of the calendar, where that
    clock would show a year that there is not."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def from_us(us: int) -> datetime:
    """The aware UTC datetime of `us` microseconds since the epoch.

    Raises InvalidArgument outside the years 1 to 9999, which is all that a datetime can hold.
    """
    try:
        return _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        raise InvalidArgument(
            f"{us} microseconds since the epoch lies outside the years 1 to 9999, which is all a datetime can hold"
        ) from None


def mean_time_of(moment: datetime) -> str:
    """What is wrong with a datetime made with `tzinfo=pytz.timezone(...)`, and the remedy; "" for any other.

    pytz's zones begin with the local mean time of the 19th century, so that 09:00 in Paris is 08:51 UTC. Told by an
    offset that the zone has at no time of the year; one of its other season may come from arithmetic.
    """
    zone: Any = moment.tzinfo
    name, normalize, offset = getattr(zone, "zone", None), getattr(zone, "normalize", None), moment.utcoffset()
    if not isinstance(name, str) or normalize is None or offset is None:
        return ""
    try:
        if any(normalize(moment + timedelta(days=days)).utcoffset() == offset for days in range(-180, 181, 60)):
            return ""
    except OverflowError:  # at the ends of time
        return ""
    return (
        f"has an offset that {name} does not have, since pytz's zones are not meant to be given as tzinfo=: write "
        f"pytz.timezone({name!r}).localize(datetime(...)), or give tzinfo=zoneinfo.ZoneInfo({name!r})"
    )


def timedelta_us(delta: timedelta) -> int:
    """A timedelta in microseconds, exactly (`total_seconds()` goes through a double)."""
    return delta // _ONE_US


def duration_us(value: float | timedelta | str, name: str) -> int:
    """A duration in microseconds, from seconds (int or float), a timedelta or RQ's text (`"90"`, `"10m"`, `"1h"`).

    The sign is kept: whether zero or a negative duration makes sense is for the caller to say. Floats are rounded
    to the nearest microsecond. Raises InvalidArgument (naming `name`) for NaN, infinity and text that is no
    duration, InvalidType for anything else.
    """
    if isinstance(value, timedelta):
        return timedelta_us(value)
    if isinstance(value, bool):
        raise InvalidType(f"{name}={value!r} is not a duration: give seconds, a timedelta or text such as '10m'")
    if isinstance(value, int):
        return value * US
    if isinstance(value, str):
        return _text_us(value, name)
    # Floats, and the numbers of decimal, fractions and numpy.
    if isinstance(value, SupportsFloat):  # pyright: ignore[reportUnnecessaryIsInstance]
        try:
            seconds = float(value)
        except (OverflowError, ValueError):  # a fraction beyond all floats, a signalling NaN
            seconds = math.nan
        if not math.isfinite(seconds * US):
            raise InvalidArgument(f"{name}={value!r} is not a length of time: give a finite number of seconds")
        return round(seconds * US)
    raise InvalidType(
        f"{name}={value!r} is {kind_of(value)}: give seconds (int or float), a timedelta or text such as '10m'"
    )


def _text_us(text: str, name: str) -> int:
    stripped = text.strip().lower()
    digits, unit = (stripped[:-1], _UNITS[stripped[-1]]) if stripped[-1:] in _UNITS else (stripped, 1)
    try:
        us = round(float(digits) * unit * US) if "." in digits else int(digits) * unit * US
    except (ValueError, OverflowError):
        raise InvalidArgument(
            f"{name}={text!r} is not a duration: write digits and a unit (s, m, h or d), such as '90s', '10m' or '7d'"
        ) from None
    return us


class Clock(Protocol):
    """What the package asks of a clock; tests pass one that they move by hand."""

    def now_us(self) -> int:
        """The wall clock: microseconds since the epoch. For what is stored and compared with stored times."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go back. For waiting and for measuring."""
        ...


class SystemClock:
    """This host's clocks. Goes through `datetime.now`, so that freezegun and its like can freeze it."""

    def now_us(self) -> int:
        """Microseconds since the epoch by this host's wall clock."""
        # `clock.datetime` is looked up at each call: freezers replace that name in this module.
        return to_us(datetime.now(UTC))

    def monotonic(self) -> float:
        """This host's monotonic clock, in seconds."""
        return time.monotonic()
