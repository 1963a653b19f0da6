"""The zone in which rq-scheduler 0.14 worked out a pending time: it stores the time and the cron string, and no zone.

Owns how a pending time is held against its cron string, which zone is taken, and which instant the time stands for.
Pure: knows no schedule, no Redis and no host.
"""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from rq_scheduler.clock import US
from rq_scheduler.triggers.cron import Cron
from rq_scheduler.triggers.cron_calendar import CronCalendar
from rq_scheduler.triggers.cron_text import parse
from rq_scheduler.triggers.zones import Zone, zone

__all__ = ["WELL_KNOWN", "Reading", "all_zones", "read_pending", "zones_that_fit"]

WELL_KNOWN = (
    *("UTC", "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Rome", "Europe/Warsaw"),
    *("Europe/Athens", "Europe/Helsinki", "Europe/Kyiv", "Europe/Istanbul", "Europe/Moscow", "Atlantic/Azores"),
    *("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"),
    *("America/Toronto", "America/Mexico_City", "America/Bogota", "America/Caracas", "America/Halifax"),
    *("America/Santiago", "America/Sao_Paulo", "America/Argentina/Buenos_Aires", "America/St_Johns"),
    *("America/Anchorage", "America/Nuuk", "America/Noronha", "Atlantic/Cape_Verde", "Africa/Lagos", "Africa/Cairo"),
    *("Africa/Johannesburg", "Africa/Nairobi", "Asia/Jerusalem", "Asia/Tehran", "Asia/Dubai", "Asia/Kabul"),
    *("Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Yangon", "Asia/Bangkok", "Asia/Jakarta"),
    *("Asia/Shanghai", "Asia/Singapore", "Asia/Hong_Kong", "Asia/Tokyo", "Asia/Seoul", "Australia/Perth"),
    *("Australia/Eucla", "Australia/Darwin", "Australia/Brisbane", "Australia/Adelaide", "Australia/Sydney"),
    *("Australia/Lord_Howe", "Pacific/Noumea", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia"),
    *(
        "Pacific/Fiji",
        "Pacific/Gambier",
        "Pacific/Kiritimati",
        "Pacific/Marquesas",
        "Pacific/Honolulu",
        "Pacific/Pago_Pago",
    ),
)
"""Zones in which a person recognises theirs, the most used first; together they have every offset that is in use."""

_AREAS = {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
_DAY = 86_400
_MAX_OFFSET_DIFFERENCE = 26 * 3600 * US
"""No two clocks of the world differ by more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a pending time is read. `cron` is in the zone that was taken, and `nominal` the instant of it that the time
    stands for. `fits`: it is one. `elsewhere`: where it is none, the well-known zones in which it would be; where there
    are none either, somebody has moved it."""

    cron: Cron
    nominal: int
    fits: bool
    elsewhere: tuple[str, ...] = ()


@functools.lru_cache(maxsize=16_384)
def read_pending(cron: Cron, pending: int, zones: tuple[str, ...]) -> Reading:
    """Reads the time `pending` (us) of a cron string in the first of these zones; where it does not fit that one, in
    the only one of the others that it fits."""
    first = replace(cron, timezone=zones[0])
    if first.after(pending - 1) == pending:
        return Reading(first, pending, fits=True)
    fitting = zones_that_fit(cron, pending, dict.fromkeys(zones))
    if zones[0] in fitting or len(fitting) == 1:
        taken = first if zones[0] in fitting else replace(cron, timezone=fitting[0])
        return Reading(taken, _meant(taken, pending), fits=True)
    elsewhere = tuple(zones_that_fit(cron, pending, dict.fromkeys((*zones, *WELL_KNOWN))))
    return Reading(first, _meant(first, pending) if elsewhere else pending, fits=False, elsewhere=elsewhere)


def zones_that_fit(cron: Cron, pending: int, zones: Iterable[str]) -> list[str]:
    """Those of these zones whose clocks show a time that the cron string names, in the order given."""
    second, rest = divmod(pending, US)
    if rest:
        return []
    wall = CronCalendar(parse(cron.expression), both=cron.day_match == "both")

    @functools.cache
    def names(offset: int) -> bool:
        return wall.at_or_after(second + offset) == second + offset

    def fits(line: Zone) -> bool:
        # Near a change of the clock, 0.14 also takes the offset that holds on the other side of it.
        return any(names(line.at(second + days * _DAY).offset) for days in (0, -1, 1))

    return [name for name in zones if fits(zone(name))]


@functools.cache
def all_zones() -> tuple[str, ...]:
    """Every zone that is named after a place, the well-known first."""
    places = sorted(name for name in zoneinfo.available_timezones() if name.partition("/")[0] in _AREAS)
    return tuple(dict.fromkeys((*WELL_KNOWN, *places)))


def _meant(cron: Cron, pending: int) -> int:
    """The instant nearest to a time that was worked out by another clock; the time itself where none is near."""
    before, after = cron.before(pending + 1), cron.after(pending)
    near = [at for at in (before, after) if at is not None and abs(at - pending) <= _MAX_OFFSET_DIFFERENCE]
    return min(near, key=lambda at: abs(at - pending), default=pending)
