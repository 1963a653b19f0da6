"""Time zones and moments as people type them. Owns the errors for those that are none."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import click

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.zones import zone

__all__ = ["read_moment", "time_zone", "zone_of"]


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


def read_moment(text: str, zone: tzinfo, option: str) -> datetime:
    """A moment as a person writes it, in ISO 8601; without an offset it is the wall clock of `zone`. Aware UTC.

    A usage error for anything else, and for a time that the clocks of that zone jump over. One that they show twice is
    the first of the two.
    """
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no date and time. Write for example 2026-12-24T18:00, 2026-12-24T18:00+01:00 or "
            "2026-12-24T17:00Z.",
            param_hint=option,
        ) from None
    try:
        found = (given if given.tzinfo is not None else given.replace(tzinfo=zone)).astimezone(UTC)
        back = found.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise click.BadParameter(f"{text!r} lies outside the years 1 to 9999.", param_hint=option) from None
    if given.tzinfo is None and back != given:
        raise click.BadParameter(
            f"{text!r} does not exist in {zone}: the clocks jump over it, to {back}. Give another time, or one with "
            "its offset.",
            param_hint=option,
        )
    return found
