"""The times that callers of the 0.14 API give and get, to and from microseconds: naive means UTC, both ways.

Owns that reading, its limits and its one warning. Knows no trigger, no Redis and no RQ.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rq_scheduler.advice import warn_once
from rq_scheduler.clock import US, from_us, host_zone, timedelta_us, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of

__all__ = ["due_after", "due_at", "naive_utc", "until_us"]

_FIRST = to_us(datetime.min.replace(tzinfo=UTC))
_LAST = to_us(datetime.max.replace(tzinfo=UTC))


def due_at(moment: Any, name: str) -> int:
    """A due time in microseconds from a datetime. On a host that is not in UTC a naive one warns, once per call site.

    Raises InvalidType for anything but a datetime.
    """
    if not isinstance(moment, datetime):
        raise InvalidType(
            f"{name}={moment!r} is {kind_of(moment)}: give a datetime, such as datetime.now(UTC) + timedelta(hours=1)"
        )
    us = to_us(moment)
    if moment.tzinfo is None:
        _warn_about_naive(moment, us, name)
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
    return _within(max(now + timedelta_us(delta), _FIRST), f"{name}={delta!r}")


def until_us(until: Any, now: int) -> int | None:
    """The bound of a read: a datetime, a timedelta from now, a unix time (seconds), or None for no bound."""
    if until is None:
        return None
    if isinstance(until, datetime):
        return to_us(until)
    if isinstance(until, timedelta):
        return now + timedelta_us(until)
    if isinstance(until, int) and not isinstance(until, bool):
        return max(_FIRST - 1, min(until * US, _LAST + 1))
    if isinstance(until, float):
        if until == math.inf:
            return None
        if math.isfinite(until * US):
            return round(until * US)
        raise InvalidArgument(f"until={until!r} is not a moment: leave it out for no bound")
    raise InvalidType(f"until={until!r} is {kind_of(until)}: give a datetime, a timedelta from now or a unix time")


def naive_utc(us: int) -> datetime:
    """A stored time as 0.14 gives it: naive, UTC. What lies beyond a datetime's range is cut to it."""
    return from_us(min(max(us, _FIRST), _LAST)).replace(tzinfo=None)


def _within(us: int, what: str) -> int:
    if _FIRST <= us <= _LAST:
        return us
    raise InvalidArgument(f"{what} lies outside the years 1 to 9999 (in UTC): give a nearer time")


def _warn_about_naive(moment: datetime, us: int, name: str) -> None:
    zone = host_zone()
    if zone == "UTC":
        return
    try:
        local = from_us(us).astimezone(ZoneInfo(zone)).isoformat(sep=" ")
    except OverflowError:
        return
    warn_once(
        f"naive-{name}",
        f"{name}={moment.isoformat(sep=' ')} has no time zone and is read as UTC, which is {local} in {zone} "
        f"(this host); pass an aware datetime to say which is meant",
    )
