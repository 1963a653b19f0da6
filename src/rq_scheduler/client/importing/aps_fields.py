"""APScheduler 3's `CronTrigger`: its fields, its instants, and the triggers of ours that have the same fields. Pure.

As APScheduler reads them: every field has to match, day and day of the week too; 0 is Monday; there are fields for the
second, the ISO week and the year. Its search goes by local time and adds differences of local time to the moment in
UTC, so that around a change of the clock it also passes over times that exist (docs/importing.md): that is followed
here step by step.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import product
from typing import Any, Final, TypeAlias

from rq_scheduler.client.importing.celery_fields import Range, field_text
from rq_scheduler.client.importing.draft import NotCarried
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.triggers import AnyOf, Cron

__all__ = ["FIELDS", "ApsCron", "Last", "Nth", "Part", "Span", "Star"]

FIELDS: Final[tuple[str, ...]] = ("year", "month", "day", "week", "day_of_week", "hour", "minute", "second")
"""From the longest to the shortest, as the search goes through them."""

_RANGES: Final = {
    "year": Range("year", 1970, 9999),
    "month": Range("month", 1, 12),
    "day": Range("day", 1, 31),
    "week": Range("week", 1, 53),
    "day_of_week": Range("day_of_week", 0, 6),
    "hour": Range("hour", 0, 23),
    "minute": Range("minute", 0, 59),
    "second": Range("second", 0, 59),
}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNREAL: tuple[str, ...] = ("week", "day_of_week")
"""What no datetime has a field for."""
_MOST_STEPS: Final = 50_000
"""Of a search: some thirty years of days."""


@dataclass(frozen=True, slots=True)
class Star:
    """`*`, or `*/step` from the beginning of the field."""

    step: int = 1

    def next(self, value: int, lo: int, hi: int) -> int | None:
        """The first value from this one on."""
        return _stepped(value, lo, hi, self.step)

    def __str__(self) -> str:
        return "*" if self.step == 1 else f"*/{self.step}"


@dataclass(frozen=True, slots=True)
class Span:
    """`5`, `5-10`, `5/15`, `5-10/2`; without a last value it goes to the end of the field."""

    first: int
    last: int | None
    step: int = 1

    def next(self, value: int, lo: int, hi: int) -> int | None:
        """The first value from this one on."""
        return _stepped(value, max(lo, self.first), hi if self.last is None else min(hi, self.last), self.step)

    def __str__(self) -> str:
        span = str(self.first) if self.last in (None, self.first) else f"{self.first}-{self.last}"
        return span if self.step == 1 else f"{span}/{self.step}"


@dataclass(frozen=True, slots=True)
class Nth:
    """`2nd fri`; 5 for the place is `last fri`. Monday is 0."""

    place: int
    weekday: int

    def on(self, year: int, month: int) -> int | None:
        """The day of that month; None where it has none."""
        first_weekday, days = monthrange(year, month)
        first = 1 + (self.weekday - first_weekday) % 7
        day = first + (days - first) // 7 * 7 if self.place == 5 else first + 7 * self.place
        return day if day <= days else None

    def __str__(self) -> str:
        return f"{('1st', '2nd', '3rd', '4th', '5th', 'last')[self.place]} {_DAYS[self.weekday]}"


@dataclass(frozen=True, slots=True)
class Last:
    """`last`, the last day of the month."""

    def __str__(self) -> str:
        return "last"


Part: TypeAlias = Star | Span | Nth | Last
"""One of the texts between the commas of a field."""


class ApsCron:
    """A `CronTrigger` of these fields, each a list of parts, in a zone."""

    def __init__(self, fields: dict[str, Sequence[Part]], zone: tzinfo, timezone: str) -> None:
        self._fields = fields
        self._zone = zone
        self._timezone = timezone

    @property
    def words(self) -> str:
        """`cron[hour='2', minute='30']`: the fields but for those that say nothing at the ends, as APScheduler does."""
        shown = {name: ",".join(map(str, self._fields[name])) for name in FIELDS}
        given = {name: text for name, text in shown.items() if text != "*" or name in ("hour", "minute")}
        if given.get("second") == "0":
            del given["second"]
        return f"cron[{', '.join(f'{name}={text!r}' for name, text in given.items())}]"

    @property
    def trigger(self) -> Cron | AnyOf:
        """The same fields in ours. Raises NotCarried where a Cron has no such field."""
        if str(Star()) != ",".join(map(str, self._fields["week"])):
            raise NotCarried("no cron string of ours has weeks of the year; an RRule with BYWEEKNO may say it")
        weekdays = self._values("day_of_week")
        crons: list[Cron] = []
        numbered = [part for part in self._fields["day"] if not isinstance(part, Nth)]
        if numbered:
            day = "*" if Star() in numbered else ",".join("L" if one == Last() else str(one) for one in numbered)
            crons.append(self._cron(day, field_text({(each + 1) % 7 for each in weekdays}, Range("", 0, 6))))
        for part in self._fields["day"]:
            if isinstance(part, Nth) and part.weekday in weekdays:
                ours = (part.weekday + 1) % 7
                crons.append(self._cron("*", f"{ours}L" if part.place == 5 else f"{ours}#{part.place + 1}"))
        if not crons:
            raise NotCarried("its day and day_of_week never fit together")
        return crons[0] if len(crons) == 1 else AnyOf(*crons)

    def _cron(self, day: str, weekday: str) -> Cron:
        texts = {name: ",".join(map(str, parts)) for name, parts in self._fields.items()}
        five = f"{texts['minute']} {texts['hour']} {day} {texts['month']} {weekday}"
        plain = texts["second"] == "0" and texts["year"] == "*"
        both = not day.startswith("*") and not weekday.startswith("*")
        text = five if plain else f"{texts['second']} {five} {texts['year']}"
        return Cron(text, self._timezone, "both" if both else "either")

    def _values(self, name: str) -> set[int]:
        place = _RANGES[name]
        values = range(place.lo, place.hi + 1)
        return {one for part, one in product(self._fields[name], values) if self._next(part, one, place) == one}

    @staticmethod
    def _next(part: Part, value: int, place: Range) -> int | None:
        return part.next(value, place.lo, place.hi) if isinstance(part, Star | Span) else None

    # The search

    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`, as the trigger finds it that has fired then."""
        try:
            return self._after(us)
        except (OverflowError, ValueError):
            return None  # past the end of the calendar

    def _after(self, us: int) -> int | None:
        moment = from_us(us + 1)
        moment += timedelta(microseconds=-moment.microsecond % 1_000_000)
        moment, at = moment.astimezone(self._zone), 0
        for _ in range(_MOST_STEPS):
            if at < 0:
                return None
            if at == len(FIELDS):
                return to_us(moment)
            name = FIELDS[at]
            value, wanted = _value(moment, name), self._wanted(moment, name)
            if wanted == value:
                at += 1
            elif wanted is None:
                moment, at = self._carried(moment, at - 1)
            elif name in _UNREAL:
                moment, at = self._carried(moment, at)
            else:
                moment = self._wall(moment, name, wanted).replace(tzinfo=self._zone, fold=moment.fold)
                at += 1
        return None

    def _wanted(self, moment: datetime, name: str) -> int | None:
        """The first value of that field from this one on."""
        value, place = _value(moment, name), _RANGES[name]
        days = monthrange(moment.year, moment.month)[1]
        hi = days if name == "day" else place.hi
        found: list[int] = []
        for part in self._fields[name]:
            if isinstance(part, Last):
                found.append(days)
            elif isinstance(part, Nth):
                day = part.on(moment.year, moment.month)
                found += [] if day is None or day < value else [day]
            elif (one := part.next(value, place.lo, hi)) is not None:
                found.append(one)
        return min(found, default=None)

    def _carried(self, moment: datetime, at: int) -> tuple[datetime, int]:
        """One more in that field, or in the next longer one that has room; the shorter ones begin again. By as much
        elapsed time as lies between the two local times."""
        while at >= 0:
            name = FIELDS[at]
            hi = monthrange(moment.year, moment.month)[1] if name == "day" else _RANGES[name].hi
            if name not in _UNREAL and _value(moment, name) < hi:
                wall = self._wall(moment, name, _value(moment, name) + 1)
                gap = wall - moment.replace(tzinfo=None, fold=0)
                return (moment.astimezone(UTC) + gap).astimezone(self._zone), at
            at -= 1
        return moment, at

    @staticmethod
    def _wall(moment: datetime, name: str, value: int) -> datetime:
        """The local time with that value, and all shorter fields at their beginning."""
        real = [each for each in FIELDS if each not in _UNREAL]
        first = real.index(name)
        longer: list[int] = [getattr(moment, each) for each in real[:first]]
        shorter = [_RANGES[each].lo for each in real[first + 1 :]]
        year, month, day, hour, minute, second = *longer, value, *shorter
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  local time, without a zone


def _value(moment: datetime, name: str) -> int:
    if name == "week":
        return moment.isocalendar()[1]
    if name == "day_of_week":
        return moment.weekday()
    value: Any = getattr(moment, name)
    return value


def _stepped(value: int, lo: int, hi: int, step: int) -> int | None:
    value = max(value, lo)
    value += (lo - value) % step
    return value if value <= hi else None
