"""The times that callers of the 0.14 API give and get, to and from microseconds: naive means UTC, both ways.

Owns that reading, its limits and its warnings. Knows no trigger, no Redis and no RQ.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rq_scheduler.clock import US, from_us, mean_time_of, timedelta_us, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.warn import warn_once

__all__ = ["due_after", "due_at", "naive_utc", "until_us", "warn_about_mean_time"]

_MIN_US = to_us(datetime.min.replace(tzinfo=UTC))
_MAX_US = to_us(datetime.max.replace(tzinfo=UTC))


def due_at(moment: Any, name: str) -> int:
    """A due time in microseconds from a datetime. Two kinds warn, once per call site: a naive one on a host that is not
    in UTC, and one that a zone of pytz has set to mean time.

    Raises InvalidType for anything but a datetime.
    """
    if not isinstance(moment, datetime):
        raise InvalidType(
            f"{name}={moment!r} is {kind_of(moment)}: give a datetime, such as datetime.now(UTC) + timedelta(hours=1)"
        )
    us = to_us(moment)
    if moment.tzinfo is None:
        _warn_about_naive(moment, us, name)
    warn_about_mean_time(moment, name)
    return _within(us, f"{name}={moment!r}")


def due_after(delta: Any, now: int, name: str) -> int:
    """A due time `delta` after `now` (microseconds). A negative delta lies in the past, and so is due at once.

    Raises InvalidType for anything but a timedelta, InvalidArgument past the year 9999.
    """
    if not isinstance(delta, timedelta):
        raise InvalidType(
            f"{name}={delta!r} is {kind_of(delta)}: give a timedelta, such as timedelta(minutes=10), "
            "or schedule for a datetime"
        )
    return _within(max(now + timedelta_us(delta), _MIN_US), f"{name}={delta!r}")


def until_us(until: Any, now: int) -> int | None:
    """The bound of a read: a datetime, a timedelta from now, a unix time (seconds), or None for no bound."""
    if until is None:
        return None
    if isinstance(until, datetime):
        warn_about_mean_time(until, "until")
        return to_us(until)
    if isinstance(until, timedelta):
        return now + timedelta_us(until)
    if isinstance(until, int) and not isinstance(until, bool):
        return max(_MIN_US - 1, min(until * US, _MAX_US + 1))
    if isinstance(until, float):
        if until == math.inf:
            return None
        if math.isfinite(until * US):
            return round(until * US)
        raise InvalidArgument(f"until={until!r} is not a moment: leave it out for no bound")
    raise InvalidType(f"until={until!r} is {kind_of(until)}: give a datetime, a timedelta from now or a unix time")


def naive_utc(us: int) -> datetime:
    """A stored time as 0.14 gives it: naive, UTC. What lies beyond a datetime's range is cut to it."""
    return from_us(min(max(us, _MIN_US), _MAX_US)).replace(tzinfo=None)


def warn_about_mean_time(moment: datetime, name: str) -> None:
    """Warns, once per call site, about a datetime made with `tzinfo=pytz.timezone(...)`; 0.14 took it at its word."""
    if problem := mean_time_of(moment):
        warn_once(
            f"mean-time-{name}", f"{name}={moment.isoformat(sep=' ')} {problem}; it is read as {from_us(to_us(moment))}"
        )


def _within(us: int, what: str) -> int:
    if _MIN_US <= us <= _MAX_US:
        return us
    raise InvalidArgument(f"{what} lies outside the years 1 to 9999 (in UTC): give a nearer time")


def _warn_about_naive(moment: datetime, us: int, name: str) -> None:
    zone, unnamed = host_zone(), unnamed_zone()
    if zone == "UTC" and not unnamed:
        return
    try:
        local = from_us(us).astimezone(None if unnamed else ZoneInfo(zone)).isoformat(sep=" ")
    except (OverflowError, ValueError, OSError):  # beyond a datetime's years, or the host's
        return
    place = "on this host" if unnamed else f"in {zone} (this host)"
    warn_once(
        f"naive-{name}",
        f"{name}={moment.isoformat(sep=' ')} has no time zone and is read as UTC, which is {local} {place}; "
        "pass an aware datetime to say which is meant",
    )
