"""rq-scheduler 0.14's helper names, kept importable with the meaning that applications rely on.

Owns those names and nothing else: the package itself uses `clock` and `triggers`. Times are unix seconds here, as in
0.14; naive datetimes mean UTC.
"""

from __future__ import annotations

import logging
import zoneinfo
from datetime import UTC, datetime, timedelta

from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT
from rq.logutils import ColorizingStreamHandler

from rq_scheduler.client.times import warn_about_mean_time
from rq_scheduler.clock import US, SystemClock, from_us, timedelta_us, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.log import log
from rq_scheduler.triggers import legacy_cron
from rq_scheduler.warn import warn_once

__all__ = ["from_unix", "get_next_scheduled_time", "rationalize_until", "setup_loghandlers", "to_unix"]

_CLOCK = SystemClock()
_LOG_FORMAT = "%(asctime)s %(message)s"


def to_unix(dt: datetime) -> int | float:
    """Unix seconds of a datetime (naive means UTC): an int when it has no fraction, else a float.

    0.14 cut the fraction off.
    """
    if not isinstance(dt, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"dt={dt!r} is {kind_of(dt)}: give a datetime")
    warn_about_mean_time(dt, "dt")
    return _seconds(to_us(dt))


def from_unix(string: float | str) -> datetime:
    """The naive UTC datetime of unix seconds, given as a number or as text, to the microsecond.

    Raises InvalidArgument for what is no number, or lies outside the years 1 to 9999.
    """
    try:
        us = int(string) * US if isinstance(string, int) else round(float(string) * US)
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{string!r} is no number of seconds since the epoch") from None
    return from_us(us).replace(tzinfo=None)


def get_next_scheduled_time(cron_string: str, use_local_timezone: bool = False) -> datetime:
    """The next time strictly after now that the cron string names, read as 0.14 reads it: in this host's time zone.

    `use_local_timezone` only says in which zone the answer is expressed: this host's, or UTC. Raises InvalidArgument
    for a string that is wrong or has no time left to come.
    """
    if not isinstance(cron_string, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"cron_string={cron_string!r} is {kind_of(cron_string)}: give text, such as '30 2 * * *'")
    zone = host_zone()
    if unnamed := unnamed_zone():
        warn_once("cron-zone", f"cron {cron_string!r} is read in UTC: {unnamed}; set TZ to the name of the zone meant")
    cron, _ = legacy_cron(cron_string, zone)
    found = from_us(cron.require_after(_CLOCK.now_us()))
    return found.astimezone(zoneinfo.ZoneInfo(zone) if use_local_timezone else UTC)


def rationalize_until(until: datetime | timedelta | float | str | None = None) -> float | str:
    """The upper bound of a look at the index, as Redis takes it: unix seconds, or `"+inf"` for None.

    A datetime (naive means UTC) is turned into unix seconds, a timedelta is counted from now; numbers and text are
    handed back as they are.
    """
    if until is None:
        return "+inf"
    if isinstance(until, datetime):
        return to_unix(until)
    if isinstance(until, timedelta):
        return _seconds(_CLOCK.now_us() + timedelta_us(until))
    return until


def setup_loghandlers(level: int | str = "INFO") -> None:
    """Show this package's log on stderr from `level` (a name in any case, or a number) on.

    Adds one handler to the logger `rq_scheduler.scheduler`, and only if neither it nor one above it has a handler
    already; the level is set at each call. Raises InvalidArgument for a level that logging does not know.
    """
    try:
        log.setLevel(level.upper() if isinstance(level, str) else level)
    except (ValueError, TypeError):
        raise InvalidArgument(
            f"level={level!r} is no log level: give DEBUG, INFO, WARNING, ERROR or a number"
        ) from None
    if not log.hasHandlers():
        handler = ColorizingStreamHandler()
        handler.setFormatter(logging.Formatter(fmt=_LOG_FORMAT, datefmt=DEFAULT_LOGGING_DATE_FORMAT))
        log.addHandler(handler)


def _seconds(us: int) -> int | float:
    # The quotient of two integers is rounded once, correctly, so that equal times make equal scores.
    return us / US if us % US else us // US
