"""`RRule`: a recurrence rule of RFC 5545 (iCalendar) in a time zone.

Owns the struct, and how rules, single dates and exclusions make one series. The language is in `rrule_text`, the
calendar in `rrule_calendar`, a zone's stretches in `zones`, and what lays one on the other in `timeline`. Knows no
schedule, no Redis and no RQ.
"""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Self

from msgspec.structs import force_setattr, replace

from rq_scheduler.clock import US
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.base import MIN_US, Trigger
from rq_scheduler.triggers.calendars import Calendar, ListedTimes, Without
from rq_scheduler.triggers.rrule_calendar import RuleCalendar
from rq_scheduler.triggers.rrule_text import DAY, Freq, Moment, RecurrenceText, Rule, check_length, parse
from rq_scheduler.triggers.timeline import Timeline
from rq_scheduler.triggers.work import MAX_WORK, MORE_OF_STORED, Work, is_stored, most_of
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import Zone, zone

__all__ = ["RRule"]

MAX_WORK_TO_READ = 2 * MAX_WORK
"""Candidates that it may cost to read a text: to count to COUNT, and to find the first instant."""

_most_to_read: ContextVar[int] = ContextVar("most_to_read", default=MAX_WORK_TO_READ * MORE_OF_STORED)
"""What it may cost now: by default, of a rule that was accepted once, and is no longer remembered."""

_MAX_READ = 1_024
"""Texts that are remembered."""


class RRule(Trigger, frozen=True, tag="rrule"):
    """The local times that a recurrence rule names, in an IANA zone: `RRule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18")`.

    `text`: an RRULE with or without that name before it, alone or with lines for DTSTART, RDATE, EXDATE and EXRULE
    (RFC 5545). `timezone`: an IANA name, or an object that has one. `DTSTART;TZID=Europe/Paris:...` names the zone too,
    and a DTSTART in UTC (`...Z`) names UTC; then leave `timezone` out.

    What a rule leaves open comes from DTSTART, and so does what INTERVAL counts from. Without DTSTART that is
    1968-01-01T00:00 local time, a Monday: `FREQ=WEEKLY` is Monday at 00:00, `FREQ=MONTHLY;BYHOUR=9` the 1st at 09:00.
    COUNT needs a DTSTART (and at most 100,000). As most calendars do, a date without time in UNTIL and EXDATE means all
    of that day; DTSTART itself is an instant only if the rule names it.

    When the clock changes [as in `Cron`]: a rule of whole days (DAILY and longer) whose time is skipped runs once,
    right after the jump, and one whose time is repeated runs the first time only. With HOURLY, MINUTELY and SECONDLY,
    skipped times do not exist and repeated ones count twice; INTERVAL and COUNT count times of a clock that never
    changes, so for even spacing through a change of the clock use `Every`.

    Instants are whole seconds. Raises InvalidArgument for a wrong part (named, with what is allowed), an unknown zone
    (with the nearest names), two zones, and a rule that names no time. Stored as `{"type": "rrule", "text": ...,
    "timezone": ...}`, the text in capitals, one line each, without the zone.
    """

    text: str
    timezone: str = "UTC"

    if TYPE_CHECKING:

        def __init__(self, text: str, timezone: str | tzinfo = "UTC") -> None: ...

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            parse(self.text)  # refuses it; what is no text may not even be looked up below
        series = _accepted(self.text, zone_name(self.timezone))
        force_setattr(self, "text", series.text)
        force_setattr(self, "timezone", series.timezone)

    def in_zone(self, timezone: str) -> Self:
        """The same text in another zone."""
        return replace(self, timezone=timezone)

    @property
    def zone_names(self) -> frozenset[str]:
        """The one zone."""
        return frozenset((self.timezone,))

    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`; None when none is left up to the end of year 9999."""
        return _series(self.text, self.timezone).after(us)

    def before(self, us: int) -> int | None:
        """The last instant strictly before `us`; None when there is none."""
        return _series(self.text, self.timezone).before(us)


@dataclass(frozen=True, slots=True)
class _Part:
    """One rule, or all single local dates, on the timeline; `until` is the last instant allowed."""

    timeline: Timeline
    until: int | None = None

    def after(self, us: int) -> int | None:
        found = self.timeline.after(us)
        return None if found is None or (self.until is not None and found > self.until) else found

    def before(self, us: int) -> int | None:
        return self.timeline.before(us if self.until is None else min(us, self.until + 1))


class _Series:
    """The union of rules and dates of one text, less what it excludes, in one zone."""

    def __init__(self, read: RecurrenceText, line: Zone) -> None:
        self.work = 0
        """What it took to read it."""
        self.text = read.canonical
        self.timezone = line.name
        # Excluded by local time, whichever rule names it; the ones in UTC by instant.
        excluded_days = {moment.wall // DAY for moment in read.without_dates if moment.whole_day}
        excluded_walls = {moment.wall for moment in read.without_dates if not moment.utc and not moment.whole_day}
        excluded_rules = [RuleCalendar(rule, read.start, _last_wall(rule, line)) for rule in read.without_rules]

        def is_excluded(wall: int) -> bool:
            return (
                wall in excluded_walls
                or wall // DAY in excluded_days
                or any(rule.at_or_after(wall) == wall for rule in excluded_rules)
            )

        def less(calendar: Calendar) -> Calendar:
            return Without(calendar, is_excluded) if read.without_dates or excluded_rules else calendar

        self._excluded = {moment.wall * US for moment in read.without_dates if moment.utc}
        self._parts: list[_Part] = []
        for rule in read.rules:
            in_utc = rule.until is not None and rule.until.utc
            calendar = RuleCalendar(rule, read.start, None if in_utc else _last_wall(rule, line))
            timeline = Timeline(less(calendar), line, fixed=rule.freq < Freq.HOURLY)
            self._parts.append(_Part(timeline, rule.until.wall * US if rule.until is not None and in_utc else None))
        local = [_at_start_time(moment, read.start) for moment in read.dates if not moment.utc]
        if local:
            self._parts.append(_Part(Timeline(less(ListedTimes(local)), line, fixed=True)))
        self._instants = sorted(
            {
                moment.wall * US
                for moment in read.dates
                if moment.utc and not is_excluded(moment.wall + line.at(moment.wall).offset)
            }
        )

    def after(self, us: int) -> int | None:
        while True:
            found = [at for part in self._parts if (at := part.after(us)) is not None]
            found += self._instants[bisect_right(self._instants, us) :][:1]
            if not found:
                return None
            us = min(found)
            if us not in self._excluded:
                return us

    def before(self, us: int) -> int | None:
        while True:
            found = [at for part in self._parts if (at := part.before(us)) is not None]
            found += self._instants[: bisect_left(self._instants, us)][-1:]
            if not found:
                return None
            us = max(found)
            if us not in self._excluded:
                return us


def _last_wall(rule: Rule, line: Zone) -> int | None:
    until = rule.until
    if until is None:
        return None
    if until.utc:
        return until.wall + line.at(until.wall).offset
    return until.wall + DAY - 1 if until.whole_day else until.wall


def _at_start_time(moment: Moment, start: int) -> int:
    return moment.wall + start % DAY if moment.whole_day else moment.wall


def _accepted(text: str, timezone: str) -> _Series:
    """Read, and judged by what a rule may be that is made here, whether it is known already or not."""
    if not is_stored():
        check_length(text)
    most = most_of(MAX_WORK_TO_READ)
    token = _most_to_read.set(most)
    try:
        series = _series(text, timezone)
    finally:
        _most_to_read.reset(token)
    Work(text, most).spend(series.work)
    return series


@functools.lru_cache(maxsize=_MAX_READ)
def _series(text: str, timezone: str) -> _Series:
    """Read once for all triggers of the same content; errors are not kept."""
    read = parse(text)
    if read.timezone is not None and timezone not in {"UTC", read.timezone}:
        raise InvalidArgument(
            f"RRule {text!r} counts in {read.timezone}, and timezone={timezone!r} is another zone: leave timezone out, "
            "or write DTSTART as local time, without Z and TZID"
        )
    # Counted by itself: whether it is known already must not decide what may be asked of it.
    with Work(text, _most_to_read.get()) as work:
        series = _Series(read, zone(read.timezone or timezone))
        first = series.after(MIN_US - 1)
    series.work = work.done
    if first is None:
        raise InvalidArgument(
            f"RRule {text!r} never fires: no date up to year 9999 fits all of its parts, at a time that exists in "
            f"{series.timezone}; see UNTIL, INTERVAL, EXDATE, EXRULE, and the BY parts together"
        )
    return series
