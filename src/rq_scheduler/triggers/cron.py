"""`Cron`: a cron string in a time zone, with Debian cron's rules for changes of the clock.

Owns the struct and the walk that lays wall times on a zone's timeline. The language is in `cron_text`, the
calendar in `wall`, the timeline in `zones`. Knows no schedule, no Redis and no RQ.
"""

from __future__ import annotations

import functools
import zoneinfo
from typing import TYPE_CHECKING, Literal

from msgspec.structs import force_setattr

from rq_scheduler.clock import US
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.base import MAX_US, MIN_US, Trigger
from rq_scheduler.triggers.cron_text import parse
from rq_scheduler.triggers.wall import CronWall
from rq_scheduler.triggers.zones import CHUNK, SLACK, Stretch, Zone, zone, zone_name

__all__ = ["Cron"]

_FIRST = MIN_US // US
_LAST = MAX_US // US

# A wildcard cron may name only walls that its zone always skips (`*/15 2 * 3 0L` in Paris). Each costs the walk at
# most two steps, once a year; zone data is irregular up to 2087 at most, and from there on all kinds of year (leap or
# not, each first weekday) occur within 40 years. So a walk this long without an instant will never meet one.
_PATIENCE = 400


class Cron(Trigger, frozen=True, tag="cron"):
    """The local times that a cron string names, in an IANA zone.

    `expression`: 5 fields; 6 when the sixth is a literal year; 7 with leading seconds and trailing year; or
    `@daily` and its like; with names, lists, ranges, steps, `L`, `LW`, `5L`, `MON#2`; 0 and 7 are Sunday.
    `timezone`: an IANA name or a ZoneInfo. `day_match`: when both day fields are restricted (neither starts with
    `*`), "either" of them may match (cron's rule), or "both" must.

    When the clock changes [Debian cron]: a job at fixed times (neither minute nor hour starts with `*`) whose
    time is skipped runs once, right after the jump, and one whose time is repeated runs the first time only.
    With a wildcard in minute or hour, skipped times do not exist and repeated ones count twice.

    Instants are whole seconds. Raises InvalidArgument for a wrong field (named, with its range), an unknown zone
    (with the nearest names) and a string that never fires. Stored as `{"type": "cron", "expression": ...,
    "timezone": ..., "day_match": ...}`.
    """

    expression: str
    timezone: str = "UTC"
    day_match: Literal["either", "both"] = "either"

    if TYPE_CHECKING:

        def __init__(
            self,
            expression: str,
            timezone: str | zoneinfo.ZoneInfo = "UTC",
            day_match: Literal["either", "both"] = "either",
        ) -> None: ...

    def __post_init__(self) -> None:
        force_setattr(self, "timezone", zone_name(self.timezone))
        if self.day_match not in {"either", "both"}:
            raise InvalidArgument(f"day_match={self.day_match!r} is neither 'either' nor 'both'")
        _walk(self.expression, self.timezone, self.day_match)
        force_setattr(self, "expression", " ".join(self.expression.split()))

    @property
    def zone_names(self) -> frozenset[str]:
        """The one zone."""
        return frozenset((self.timezone,))

    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`; None when none is left up to the end of year 9999."""
        return _walk(self.expression, self.timezone, self.day_match).after(us)

    def before(self, us: int) -> int | None:
        """The last instant strictly before `us`; None when there is none back to year 1."""
        return _walk(self.expression, self.timezone, self.day_match).before(us)


class _Walk:
    """One cron string laid on one zone's timeline.

    On each stretch of constant offset, instants are walls less the offset. A job at fixed times starts at the
    wall that the clocks had reached before (`Stretch.seen`), which leaves out what is shown again; if walls
    named were jumped over, the moment of the jump is an instant. A job with wildcards takes each stretch as it
    is.
    """

    __slots__ = ("_fixed", "_wall", "_zone")

    def __init__(self, wall: CronWall, line: Zone, *, fixed: bool) -> None:
        self._wall = wall
        self._zone = line
        self._fixed = fixed

    def after(self, us: int) -> int | None:
        at = max(us // US + 1, _FIRST)
        wall = self._wall
        for _ in range(_PATIENCE):
            if at > _LAST:
                return None
            offset = start = 0
            found = None
            for stretch in self._zone.stretches(at // CHUNK):
                lo, hi, offset, seen = stretch
                if hi <= at:
                    continue
                start = at + offset
                if self._fixed:
                    if at == lo and self._jumped(stretch):
                        return at * US
                    start = max(start, seen)
                found = wall.at_or_after(start)
                if found is not None and found < hi + offset:
                    return self._within((found - offset) * US)
                at = hi
            # Nothing here: go on where the next wall named can be, however far the clock is turned meanwhile.
            # (Where the last search began before that, it has the answer.)
            if start > at + offset - SLACK:
                found = wall.at_or_after(at + offset - SLACK)
            if found is None:
                return None
            at = max(at, found - offset - SLACK)
        return None

    def before(self, us: int) -> int | None:
        at = min((us - 1) // US, _LAST)
        wall = self._wall
        for _ in range(_PATIENCE):
            if at < _FIRST:
                return None
            offset = start = 0
            found = None
            for stretch in reversed(self._zone.stretches(at // CHUNK)):
                lo, hi, offset, seen = stretch
                if lo > at:
                    continue
                start = min(at, hi - 1) + offset
                found = wall.at_or_before(start)
                if found is not None and found >= (max(seen, lo + offset) if self._fixed else lo + offset):
                    return self._within((found - offset) * US)
                if self._fixed and self._jumped(stretch):
                    return lo * US
                at = lo - 1
            if start < at + offset + SLACK:
                found = wall.at_or_before(at + offset + SLACK)
            if found is None:
                return None
            at = min(at, found - offset + SLACK)
        return None

    def _jumped(self, stretch: Stretch) -> bool:
        """Were walls named jumped over when this stretch began?"""
        resumed = stretch.lo + stretch.offset
        if stretch.seen >= resumed:
            return False
        found = self._wall.at_or_after(stretch.seen)
        return found is not None and found < resumed

    @staticmethod
    def _within(us: int) -> int | None:
        return us if MIN_US <= us <= MAX_US else None


@functools.lru_cache(maxsize=4096)
def _walk(expression: str, timezone: str, day_match: str) -> _Walk:
    """Parse once for all triggers of the same content; errors are not kept."""
    text = parse(expression)
    line = zone(timezone)
    walk = _Walk(CronWall(text, both=day_match == "both"), line, fixed=text.fixed_time)
    if walk.after(-2 * SLACK * US) is None:
        raise InvalidArgument(
            f"cron {expression!r} never fires: no day of 1970 to 9999 fits its day, month and year fields"
            f"{' (both day fields must match)' if day_match == 'both' and not text.days_open else ''}"
            f", at a time that exists in {timezone}"
        )
    return walk
