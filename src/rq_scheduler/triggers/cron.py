"""`Cron`: a cron string in a time zone, with Debian cron's rules for changes of the clock.

Owns the struct. The language is in `cron_text`, the calendar in `cron_calendar`, a zone's stretches in `zones`, and
what lays one on the other in `timeline`. Knows no schedule, no Redis and no RQ.
"""

from __future__ import annotations

import functools
from datetime import tzinfo
from typing import TYPE_CHECKING, Self

from msgspec.structs import force_setattr, replace

from rq_scheduler.aliases import DayMatch
from rq_scheduler.clock import US
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.base import Trigger
from rq_scheduler.triggers.cron_calendar import CronCalendar
from rq_scheduler.triggers.cron_text import SixFields, check_length, parse
from rq_scheduler.triggers.timeline import Timeline
from rq_scheduler.triggers.work import Work, is_stored
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import MAX_OFFSET_CHANGE, zone

__all__ = ["Cron", "seconds_first"]


class Cron(Trigger, frozen=True, tag="cron"):
    """The local times that a cron string names, in an IANA zone.

    `expression`: 5 fields; 6 when the sixth is a literal year; 7 with leading seconds and trailing year; or
    `@daily` and its like; with names, lists, ranges, steps, `L`, `15W`, `LW`, `5L`, `MON#2`; 0 and 7 are Sunday.
    `timezone`: an IANA name, or an object that has one. `day_match`: when both day fields are restricted (neither
    starts with `*`), "either" of them may match (cron's rule), or "both" must.

    When the clock changes [Debian cron]: a job at fixed times (neither minute nor hour starts with `*`) whose
    time is skipped runs once, right after the jump, and one whose time is repeated runs the first time only.
    With a wildcard in minute or hour, skipped times do not exist and repeated ones count twice.

    Instants are whole seconds. Raises InvalidArgument for a wrong field (named, with its range), an unknown zone
    (with the nearest names) and a string that never fires. Stored as `{"type": "cron", "expression": ...,
    "timezone": ..., "day_match": ...}`.
    """

    expression: str
    timezone: str = "UTC"
    day_match: DayMatch = "either"

    if TYPE_CHECKING:

        def __init__(
            self,
            expression: str,
            timezone: str | tzinfo = "UTC",
            day_match: DayMatch = "either",
        ) -> None: ...

    def __post_init__(self) -> None:
        force_setattr(self, "timezone", zone_name(self.timezone))
        if self.day_match not in ("either", "both"):
            raise InvalidArgument(f"day_match={self.day_match!r} is neither 'either' nor 'both'")
        if not isinstance(self.expression, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            parse(self.expression)  # refuses it; what is no text may not even be looked up below
        if not is_stored():
            check_length(self.expression)
        try:
            _timeline(self.expression, self.timezone, self.day_match)
        except SixFields as error:
            raise InvalidArgument(f"{error}; {_seven(self.expression, self.timezone, self.day_match)}") from None
        force_setattr(self, "expression", " ".join(self.expression.split()))

    def in_zone(self, timezone: str) -> Self:
        """The same text in another zone."""
        return replace(self, timezone=timezone)

    @property
    def zone_names(self) -> frozenset[str]:
        """The one zone."""
        return frozenset((self.timezone,))

    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`; None when none is left up to the end of year 9999."""
        return _timeline(self.expression, self.timezone, self.day_match).after(us)

    def before(self, us: int) -> int | None:
        """The last instant strictly before `us`; None when there is none back to year 1."""
        return _timeline(self.expression, self.timezone, self.day_match).before(us)


@functools.lru_cache(maxsize=4096)
def _timeline(expression: str, timezone: str, day_match: str) -> Timeline:
    """Parse once for all triggers of the same content; errors are not kept."""
    text = parse(expression)
    line = zone(timezone)
    timeline = Timeline(CronCalendar(text, both=day_match == "both"), line, fixed=text.fixed_time)
    # Counted by itself: whether it is known already must not decide what may be asked of it.
    with Work(expression):
        first = timeline.after(-2 * MAX_OFFSET_CHANGE * US)
    if first is None:
        raise InvalidArgument(
            f"cron {expression!r} never fires: no day of 1970 to 9999 fits its day, month and year fields"
            f"{' (both day fields must match)' if day_match == 'both' and not text.days_open else ''}"
            f", at a time that exists in {timezone}"
        )
    return timeline


def seconds_first(expression: str, timezone: str, day_match: str) -> str | None:
    """The text of seven fields for six of which the first is seconds, where a Cron can have it; else None."""
    seven = f"{' '.join(expression.split())} *"
    return None if _problem(seven, timezone, day_match) else seven


def _seven(expression: str, timezone: str, day_match: str) -> str:
    """What to write instead of these six fields: the readings that can be."""
    zone(timezone)  # a zone that is unknown is another matter
    fields = " ".join(expression.upper().split())
    meanings = {f"{fields} *": "the first is seconds", f"0 {fields}": "the last is the year"}
    problems = {text: _problem(text, timezone, day_match) for text in meanings}
    readings = [f"{text!r} if {meanings[text]}" for text in meanings if not problems[text]]
    if readings:
        return f"write all seven: {', '.join(readings)}"
    why = "; ".join(f"if {meanings[text]}, {problems[text]}" for text in meanings)
    return f"it can be neither ({why}): give 5 (minute hour day-of-month month day-of-week)"


def _problem(expression: str, timezone: str, day_match: str) -> str:
    """Why no Cron can have this expression, less its name; "" where one can."""
    try:
        _timeline(expression, timezone, day_match)
    except InvalidArgument as error:
        return str(error).removeprefix(f"cron {expression!r}").lstrip(": ")
    return ""
