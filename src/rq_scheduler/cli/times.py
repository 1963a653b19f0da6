"""Time zones and moments as people type them. Owns the errors for those that are none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import click

from rq_scheduler.clock import duration_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.moments import moment_of
from rq_scheduler.triggers.zones import zone

__all__ = ["read_asked_time", "read_length", "read_moment", "read_until", "time_zone", "zone_of"]

A_YEAR = timedelta(days=366)

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def time_zone(name: str, option: str) -> str:
    """The name, if it is an IANA zone that this host knows; a usage error with the nearest names otherwise."""
    try:
        zone(name)
    except InvalidArgument as error:
        raise click.BadParameter(str(error).removeprefix("timezone="), param_hint=option) from None
    return name


def zone_of(name: str | None) -> tzinfo:
    """The zone of this IANA name, which is known to exist; UTC without one."""
    return UTC if name in {None, "UTC"} else ZoneInfo(str(name))


def read_length(text: str) -> str | timedelta:
    """A length of time as the API takes it; of years ("1y") the days of so many leap years."""
    years = text.strip().lower().removesuffix("y")
    if years == text.strip().lower() or not (years.isascii() and years.isdigit() and len(years) < 4):
        return text
    return int(years) * A_YEAR


def read_until(text: str, now: datetime, zone: tzinfo, option: str) -> datetime:
    """A moment as `read_moment` reads it, or a length of time from `now` on ("2h")."""
    if _iso(text.strip()) is None:
        try:
            return now + timedelta(microseconds=duration_us(text, option))
        except OverflowError:
            raise click.BadParameter(f"{text!r} ends after the year 9999.", param_hint=option) from None
        except InvalidArgument:
            pass  # no length of time
    return read_moment(text, zone, option, now)


def read_moment(text: str, zone: tzinfo, option: str, now: datetime | None = None) -> datetime:
    """A moment as a person writes it, in ISO 8601; without an offset it is the wall clock of `zone`. Aware UTC. Where
    `now` is given, also "now", "02:30" (today), "tomorrow 06:00" and the like.

    A usage error for anything else, and for a time that the clocks of that zone jump over. One that they show twice is
    the first of the two.
    """
    words = text.strip().lower().split()
    if now is not None and words == ["now"]:
        return now
    given = _iso(text.strip()) or (None if now is None else _of_a_day(words, now.astimezone(zone)))
    if given is None:
        more = "" if now is None else "'tomorrow 06:00', 18:00, "
        raise click.BadParameter(
            f"{text!r} is no date and time. Write for example {more}2026-12-24T18:00, 2026-12-24T18:00+01:00 or "
            "2026-12-24T17:00Z.",
            param_hint=option,
        )
    try:
        return moment_of(given, zone, repr(text))
    except InvalidArgument as error:
        raise click.BadParameter(f"{error}.", param_hint=option) from None


def read_asked_time(text: str, zone: tzinfo, option: str, now: datetime) -> datetime | date:
    """What somebody asks about at the moment `now`, by the wall clock of `zone`: a moment, as `read_moment` reads it,
    or all of a day ("yesterday", "2026-12-24"). A time without a day is the last such time.

    One that the clocks jump over is left as it is, for the answer to say so. A usage error for what is no time.
    """
    words, here = text.strip().lower().split(), now.astimezone(zone)
    if len(words) == 1 and words[0] in _DAYS:
        return here.date() + timedelta(days=_DAYS[words[0]])
    if (day := _iso_day(text.strip())) is not None:
        return day
    given, clock = _iso(text.strip()), _of_a_day(words, here)
    if given is None and clock is not None:
        is_to_come = len(words) == 1 and clock.replace(tzinfo=zone) > now
        given = clock - timedelta(days=1) if is_to_come else clock
    if given is None:
        raise click.BadParameter(
            f"{text!r} is no time. Write for example 02:30, yesterday, 'yesterday 02:30', 2026-11-28, "
            "'2026-11-28 02:30' or 2026-11-28T01:30Z.",
            param_hint=option,
        )
    return given if given.tzinfo is not None else given.replace(tzinfo=zone)


def _iso_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _of_a_day(words: Sequence[str], now: datetime) -> datetime | None:
    """ "02:30", "tomorrow 06:00": a naive wall clock of the zone of `now`."""
    days = _DAYS.get(words[0], 0) if words else 0
    clock = words[1:] if words and words[0] in _DAYS else words
    try:
        on, at = now.date() + timedelta(days=days), time.fromisoformat(clock[0] if clock else "")
    except (ValueError, OverflowError):
        return None
    return datetime.combine(on, at) if len(clock) == 1 and ":" in clock[0] else None
