"""Celery's `crontab`: its fields, its instants, and the Cron of ours that has the same fields. Pure.

As Celery reads them: all five fields have to match, days of the month and of the week too, where cron is content with
either; 0 is Sunday, and there is no 7; a range may run backwards, over the end of its field; a text of a month or a day
of the week goes by its first three letters. When the clock jumps, a time that it leaves out runs an hour later; when it
is put back, nothing runs in the repeated hour until local time has caught up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast
from zoneinfo import ZoneInfo

from rq_scheduler.client.importing.draft import NotCarried
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers import Cron
from rq_scheduler.triggers.cron_text import parse
from rq_scheduler.triggers.zone_names import zone_name

__all__ = ["FIELDS", "CeleryCrontab", "Range", "field_text"]


class Range(NamedTuple):
    """The values of a field."""

    name: str
    lo: int
    hi: int


FIELDS: Final = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
"""In the order of Celery's constructor."""

_RANGES: Final = {
    "minute": Range("minute", 0, 59),
    "hour": Range("hour", 0, 23),
    "day_of_week": Range("day_of_week", 0, 6),
    "day_of_month": Range("day_of_month", 1, 31),
    "month_of_year": Range("month_of_year", 1, 12),
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: Final = {
    **{name: number for number, name in enumerate(_MONTHS, start=1)},
    **{name: number for number, name in enumerate(_WEEKDAYS)},
}
_PART: Final = re.compile(r"(?:(?P<star>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
_YEARS: Final = 60
"""So far ahead a day is looked for: a 29 February that is a given day of the week comes every 28 years, or 40."""


class CeleryCrontab:
    """A `crontab` of these fields, in the zone of its app. Raises NotCarried for fields that Celery refuses itself,
    InvalidArgument for an unknown zone."""

    def __init__(self, fields: Mapping[str, Any], timezone: str) -> None:
        self._values = {name: _values(fields.get(name), _RANGES[name]) for name in FIELDS}
        self._texts = {
            name: _text(fields.get(name)) or field_text(self._values[name], _RANGES[name]) for name in FIELDS
        }
        self._timezone = zone_name(timezone)
        self._zone = ZoneInfo(self._timezone)
        if next(self._walls(datetime(2000, 1, 1)), None) is None:  # noqa: DTZ001  local time, without a zone
            raise NotCarried("its fields name no day that there is")

    @property
    def words(self) -> str:
        """`crontab(minute='30', hour='2')`, as it is written for Celery."""
        return f"crontab({', '.join(f'{name}={text!r}' for name, text in self._texts.items() if text != '*')})"

    @property
    def cron(self) -> Cron:
        """Its fields in ours, as they are written where both read them alike, else written out."""
        order = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        written = [self._texts[name] for name in order]
        if not self._is_read_alike(" ".join(written)):
            written = [field_text(self._values[name], _RANGES[name]) for name in order]
        both = not written[2].startswith("*") and not written[4].startswith("*")
        return Cron(" ".join(written), self._timezone, "both" if both else "either")

    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`."""
        local = from_us(us).astimezone(self._zone).replace(tzinfo=None, fold=0)
        for wall in self._walls(local):
            at = to_us(wall.replace(tzinfo=self._zone))
            if at > us:
                return at
        return None

    def _walls(self, local: datetime) -> Iterator[datetime]:
        """The local times that the fields name, after the minute of this one."""
        minutes, hours = sorted(self._values["minute"]), sorted(self._values["hour"])
        of_minute = local.replace(second=59, microsecond=999_999)
        day = local.replace(hour=0, minute=0, second=0, microsecond=0)
        first_hour = local.hour
        for _ in range(_YEARS * 366):
            if (
                day.month in self._values["month_of_year"]
                and day.day in self._values["day_of_month"]
                and day.isoweekday() % 7 in self._values["day_of_week"]
            ):
                for hour, minute in ((hour, minute) for hour in hours if hour >= first_hour for minute in minutes):
                    if (wall := day.replace(hour=hour, minute=minute)) > of_minute:
                        yield wall
            day, first_hour = day + timedelta(days=1), 0

    def _is_read_alike(self, expression: str) -> bool:
        """Whether our cron strings mean these values by this text."""
        try:
            text = parse(expression)
        except InvalidArgument:
            return False
        masks = {
            "minute": text.minutes,
            "hour": text.hours,
            "day_of_week": text.weekdays,
            "day_of_month": text.days,
            "month_of_year": text.months,
        }
        return all(mask == sum(1 << value for value in self._values[name]) for name, mask in masks.items())


def field_text(values: Iterable[int], place: Range) -> str:
    """A field of a cron string that names exactly these values of a field: `*`, or a list in which three and more in a
    row are a range."""
    left = sorted(values)
    if len(left) == place.hi - place.lo + 1:
        return "*"
    parts: list[str] = []
    while left:
        length = next((n for n in range(1, len(left)) if left[n] != left[0] + n), len(left))
        run, left = left[:length], left[length:]
        parts += [f"{run[0]}-{run[-1]}"] if length > 2 else map(str, run)
    return ",".join(parts)


def _text(value: Any) -> str | None:
    """A field as it is written; None for a collection of numbers, which Celery takes too."""
    if value is None:
        return "*"
    if isinstance(value, str):
        return re.sub(r"\s", "", value) or "*"
    return str(value) if isinstance(value, int) else None


def _values(given: Any, place: Range) -> frozenset[int]:
    if given is None or isinstance(given, str):
        values = frozenset(value for part in (_text(given) or "").split(",") for value in _part(part, place))
    elif isinstance(given, int):
        values = frozenset((given,))
    else:
        values = frozenset(cast("Iterable[int]", given))
    wrong = [value for value in values if type(value) is not int or not place.lo <= value <= place.hi]
    if wrong or not values:
        raise NotCarried(f"{place.name}={given!r:.60} is outside {place.lo}-{place.hi}, and Celery refuses it too")
    return values


def _part(part: str, place: Range) -> Sequence[int]:
    found = _PART.fullmatch(part)
    if found is None or found["step"] == "0":
        raise NotCarried(f"{place.name}: {part!r:.60} is not understood")
    step = int(found["step"] or 1)
    if found["star"]:
        return range(place.lo, place.hi + 1, step)
    first = _number(found["first"], place)
    if found["last"] is None:
        if found["step"]:
            raise NotCarried(f"{place.name}: {part!r:.60} steps from one number, which Celery does not read")
        return (first,)
    last = _number(found["last"], place)
    whole = (*range(first, last + 1),) if first <= last else (*range(first, place.hi + 1), *range(place.lo, last + 1))
    return whole[::step]


def _number(text: str, place: Range) -> int:
    value = int(text) if text.isdigit() else _NAMES.get(text[:3].lower())
    if value is None or not place.lo <= value <= place.hi:
        raise NotCarried(f"{place.name}: {text!r:.60} is outside {place.lo}-{place.hi}, and Celery refuses it too")
    return value
