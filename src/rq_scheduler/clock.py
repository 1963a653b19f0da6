"""Time as this package counts it: integer microseconds since the epoch, UTC ("us"), and where it comes from.

Owns the conversions between datetimes, durations and microseconds, the injectable clock, and the name of this
host's time zone. Knows no Redis, no RQ and no trigger. All arithmetic is on integers: a double would lose
microseconds in year 9999, and 100,000 steps of 0.1 s would drift.
"""

from __future__ import annotations

import functools
import math
import os
import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, SupportsFloat

from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of

__all__ = ["US", "Clock", "SystemClock", "duration_us", "from_us", "host_zone", "timedelta_us", "to_us"]

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


def host_zone() -> str:
    """The IANA name of this host's time zone; `"UTC"` when it has none that can be found.

    Looks, in this order, at the `TZ` variable, the `/etc/localtime` link, `/etc/timezone`, and as a last resort
    the zone files for one with the same content as `/etc/localtime` (hosts where it is a copy).
    """
    return _host_zone(os.environ.get("TZ"), Path("/etc"))


@functools.lru_cache(maxsize=16)
def _host_zone(variable: str | None, etc: Path) -> str:
    if variable is not None:
        named = variable.removeprefix(":")
        # POSIX: an empty TZ is UTC; a TZ that names no zone file (EST5EDT is one, XXX4 is not) has no IANA name.
        return _known(_below_zoneinfo(named)) or _fixed_offset() or "UTC"
    localtime = etc / "localtime"
    if localtime.is_symlink():
        target, last = localtime.readlink(), os.path.realpath(localtime)
        name = _known(_below_zoneinfo(last)) or _known(_below_zoneinfo(str(target)))
        if name:
            return name
    try:
        name = _known((etc / "timezone").read_text(encoding="utf-8").split("#")[0].strip())
    except (OSError, UnicodeDecodeError):
        name = None
    return name or _same_content(localtime) or _fixed_offset() or "UTC"


def _below_zoneinfo(path: str) -> str:
    """`Europe/Paris` out of `/usr/share/zoneinfo/Europe/Paris` (and of `.../zoneinfo/posix/Europe/Paris`)."""
    name = path.rpartition("zoneinfo/")[2]
    return name.removeprefix("posix/").removeprefix("right/")


def _known(name: str) -> str | None:
    """The name if it is a zone that Python can load, with every spelling of UTC made one."""
    if not name or name.startswith(("/", ".")):
        return None
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return "UTC" if name in {"Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"} else name


def _same_content(localtime: Path) -> str | None:
    try:
        content = localtime.read_bytes()
    except OSError:
        return None
    for root in zoneinfo.TZPATH:
        for name in sorted(zoneinfo.available_timezones()):
            file = Path(root, name)
            try:
                if file.stat().st_size == len(content) and file.read_bytes() == content:
                    return _known(name)
            except OSError:
                continue
    return None


def _fixed_offset() -> str | None:
    """`Etc/GMT-2` for a host whose zone has no name but a whole number of hours and no daylight saving."""
    hours, rest = divmod(time.timezone, 3600)
    if time.daylight or rest:
        return None
    return _known(f"Etc/GMT{hours:+d}") if hours else "UTC"
