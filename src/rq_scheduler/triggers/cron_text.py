"""The language of cron strings: text in, sets of numbers out, every mistake named.

Owns the syntax (5, 6 and 7 fields, aliases, names, lists, ranges, steps, `L`, `15W`, `LW`, `5L`, `MON#2`) and its
errors. Knows no calendar beyond the ranges of the fields, no zone and no trigger. Sets are bit masks: bit v for
the value v.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from rq_scheduler.errors import InvalidArgument, InvalidType

__all__ = ["LAST_YEAR", "CronText", "SixFields", "check_length", "parse"]

LAST_YEAR = 9999
_FIRST_YEAR = 1970

MAX_TEXT = 2_000
"""Characters, which all fields written out as lists do not come to."""

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LENGTHS = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_LITERAL_YEARS = re.compile(r"\d{4}(-\d{4})?(/\d+)?(,\d{4}(-\d{4})?(/\d+)?)*", re.ASCII)
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS = {name: at for at, name in enumerate(_MONTH_NAMES, start=1)}
_WEEKDAYS = {name: at for at, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}


class _Field(NamedTuple):
    name: str
    lo: int
    hi: int
    names: dict[str, int]


_SECOND = _Field("second", 0, 59, {})
_MINUTE = _Field("minute", 0, 59, {})
_HOUR = _Field("hour", 0, 23, {})
_DAY = _Field("day-of-month", 1, 31, {})
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day-of-week", 0, 7, _WEEKDAYS)
_YEAR = _Field("year", _FIRST_YEAR, LAST_YEAR, {})


@dataclass(slots=True)
class CronText:
    """What a cron string says, field by field. A mask has bit v set for the value v; Sunday is 0."""

    seconds: int = 1
    minutes: int = 0
    hours: int = 0
    months: int = 0
    years: int | None = None
    """None: every year."""
    days: int = 0
    last_day: bool = False
    last_weekday: bool = False
    """`LW`: the last of Monday to Friday in the month."""
    near_days: int = 0
    """`15W`: bit 15, the one of Monday to Friday that is nearest to the 15th."""
    weekdays: int = 0
    last_of: int = 0
    """`5L`: bit 5, the last Friday."""
    nth: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """`MON#2`: (1, 2)."""
    fixed_time: bool = False
    """Neither minute nor hour starts with `*`: Debian's test for a job at fixed times."""
    days_open: bool = False
    """One of the two day fields starts with `*`: then both must match, in every reading of cron."""


class _Text:
    """One cron string being read; knows the whole text, for the errors."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def refuse(self, place: _Field, problem: str) -> InvalidArgument:
        return InvalidArgument(f"cron {self.expression!r}: {place.name} field: {problem}")

    def mask(self, place: _Field, text: str) -> int:
        mask = 0
        for term in text.split(","):
            mask |= self.term(place, term)
        return mask

    def term(self, place: _Field, term: str) -> int:
        """`*`, `5`, `5-10`, and each with `/step`; `5/10` runs from 5 to the end of the field."""
        body, slash, step_text = term.partition("/")
        # In day-of-week 7 is a second name of Sunday: an open end stops at Saturday.
        top = 6 if place is _WEEKDAY else place.hi
        if body == "*":
            lo, hi = place.lo, top
        elif "-" in body:
            first, _, last = body.partition("-")
            lo, hi = self.number(place, first, term), self.number(place, last, term)
            if place is _WEEKDAY and hi == 0 and lo > 0:
                hi = 7  # fri-sun
            if hi < lo:
                raise self.backwards(place, term, lo, hi, self.step(place, step_text, term) if slash else 1)
        else:
            lo = self.number(place, body, term)
            hi = max(lo, top) if slash else lo
        step = self.step(place, step_text, term) if slash else 1
        if step == 1:
            return (1 << (hi + 1)) - (1 << lo)
        mask = 0
        for value in range(lo, hi + 1, step):
            mask |= 1 << value
        return mask

    def backwards(self, place: _Field, term: str, lo: int, hi: int, step: int) -> InvalidArgument:
        """The error for a range such as 22-2/2, with terms that name what it would, going on behind the field's end."""
        if place is _YEAR:
            return self.refuse(place, f"{term!r} runs backwards; write it as '{_range(place, hi, lo, step, '')}'")
        span = _span(place)
        top = place.lo + span - 1
        begin = place.lo + (lo - place.lo) % span  # 7, as Sunday, comes first
        resumed = begin + ((top - begin) // step + 1) * step - span
        if begin > hi:
            parts = [_range(place, begin, top, step, term), _range(place, resumed, hi, step, term)]
        else:
            parts = [_range(place, begin, hi, step, term)]
        named = ",".join(filter(None, parts))
        how = "as two ranges: " if "," in named else "as "
        return self.refuse(place, f"{term!r} runs backwards; write it {how}'{named}'")

    def step(self, place: _Field, text: str, term: str) -> int:
        span = _span(place)
        step = _whole(text)
        if not step:
            raise self.refuse(place, f"{term!r} has the step {text!r}; a step is a whole number from 1 to {span}")
        if step > span:
            raise self.refuse(
                place,
                f"{term!r} steps over the whole field (at most {span}), and would not mean every {text}; "
                "for a plain interval use Every",
            )
        return step

    def number(self, place: _Field, text: str, term: str) -> int:
        value = _whole(text)
        if value is not None:
            if place.lo <= value <= place.hi:
                return value
            raise self.refuse(place, f"{value} is outside {place.lo}-{place.hi}")
        if text in place.names:
            return place.names[text]
        allowed = f"numbers {place.lo}-{place.hi}"
        if place.names:
            allowed += f" or {next(iter(place.names))}..{list(place.names)[-1]}"
        shown = f"{text!r}" if text == term else f"{text!r} in {term!r}"
        if text == "?" or (text == "" and term == ""):
            shown = f"{term!r}"
        raise self.refuse(
            place, f"{shown} is not understood; it takes {allowed}, '*', lists, ranges and steps{_also(place)}"
        )

    def day(self, text: str, into: CronText) -> None:
        for term in text.split(","):
            if term == "L":
                into.last_day = True
            elif term == "LW":
                into.last_weekday = True
            elif term[-1:] == "W":
                into.near_days |= 1 << self.near(term)
            elif term == "?" and term == text:
                into.days |= self.term(_DAY, "*")
            else:
                into.days |= self.term(_DAY, term)

    def near(self, term: str) -> int:
        if _whole(term[:-1]) is None:
            raise self.refuse(
                _DAY, f"{term!r}: before 'W' comes one day, as in 15W, the weekday nearest to the 15th; list several"
            )
        return self.number(_DAY, term[:-1], term)

    def weekday(self, text: str, into: CronText) -> None:
        for term in text.split(","):
            if term == "?" and term == text:
                into.weekdays |= self.term(_WEEKDAY, "*")
            elif "#" in term:
                name, _, nth = term.partition("#")
                if nth not in {"1", "2", "3", "4", "5"}:
                    raise self.refuse(_WEEKDAY, f"{term!r}: after '#' comes 1 to 5, as in MON#2, the second Monday")
                into.nth.append((self.number(_WEEKDAY, name, term) % 7, int(nth)))
            elif term == "L":
                raise self.refuse(_WEEKDAY, "'L' needs a day: 5L (or L5) is the last Friday, 6 is every Saturday")
            elif term[:1] == "L" or term[-1:] == "L":
                name = term[1:] if term[:1] == "L" else term[:-1]
                into.last_of |= 1 << (self.number(_WEEKDAY, name, term) % 7)
            else:
                mask = self.term(_WEEKDAY, term)
                into.weekdays |= (mask | mask >> 7) & 0x7F


def _span(place: _Field) -> int:
    return 7 if place is _WEEKDAY else place.hi - place.lo + 1


def _range(place: _Field, lo: int, hi: int, step: int, like: str) -> str:
    """A term for every step-th value from lo to hi, in the names of the field if `like` has some; "" for none."""
    if lo > hi:
        return ""
    names = {value: name for name, value in place.names.items()} if any(name in like for name in place.names) else {}
    first, last = (names.get(value, str(value)) for value in (lo, hi))
    if lo + step > hi:
        return first
    return f"{first}-{last}" if step == 1 else f"{first}-{last}/{step}"


def _whole(text: str) -> int | None:
    """The number if the text is plain digits."""
    # Nine digits are out of every range already, and `int` refuses 5,000.
    return int(text[:9]) if text.isascii() and text.isdigit() else None


def _also(place: _Field) -> str:
    if place is _DAY:
        return ", L (last day), 15W (the weekday nearest to the 15th) and LW (last weekday)"
    return ", 5L (last Friday) and MON#2 (second Monday)" if place is _WEEKDAY else ""


def check_length(expression: str) -> None:
    """Raises InvalidArgument for a text that is longer than a new one may be."""
    if len(expression) > MAX_TEXT:
        raise InvalidArgument(
            f"cron {expression[:60]!r}... has {len(expression):,} characters, more than {MAX_TEXT:,}: write ranges and "
            "steps, such as 0-30/2"
        )


def parse(expression: str) -> CronText:
    """Read a cron string. Raises InvalidArgument that names the field, the value and what is allowed."""
    parts = _fields(expression)
    text = _Text(expression)
    second, minute, hour, day, month, weekday, year = parts
    found = CronText(
        seconds=text.mask(_SECOND, second),
        minutes=text.mask(_MINUTE, minute),
        hours=text.mask(_HOUR, hour),
        months=text.mask(_MONTH, month),
        years=None if year == "*" else text.mask(_YEAR, year),
        fixed_time=not minute.startswith("*") and not hour.startswith("*"),
        days_open=day.startswith(("*", "?")) or weekday.startswith(("*", "?")),
    )
    text.day(day, found)
    text.weekday(weekday, found)
    return found


def _fields(expression: str) -> list[str]:
    """The seven fields, second to year, in capitals."""
    if not isinstance(expression, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (users without a type checker)
        raise InvalidType(f"a cron string is text such as '30 2 * * *', not {expression!r}")
    parts = expression.split()
    if parts and parts[0].startswith("@"):
        alias = _ALIASES.get(parts[0].lower())
        if alias is None or len(parts) > 1:
            hint = f"; for an interval write {_every(parts[1:])}" if parts[0].lower() == "@every" else ""
            raise InvalidArgument(f"cron {expression!r} is no alias known here: use {', '.join(_ALIASES)}{hint}")
        parts = alias.split()
    parts = [part.upper() for part in parts]
    if len(parts) == 5:
        return ["0", *parts, "*"]
    if len(parts) == 7:
        return parts
    if len(parts) != 6:
        raise InvalidArgument(
            f"cron {expression!r} has {len(parts)} field{'' if len(parts) == 1 else 's'}: give 5 (minute hour "
            "day-of-month month day-of-week), or 7 with seconds before and the year after them"
        )
    if _LITERAL_YEARS.fullmatch(parts[5]):
        return ["0", *parts]
    raise SixFields(expression)


class SixFields(InvalidArgument):
    """Six fields, the sixth of which is no literal year; it is left to `Cron` to say what can be meant."""

    def __init__(self, expression: str) -> None:
        super().__init__(f"cron {expression!r} has six fields, which some read as seconds first and some as year last")


def _every(lengths: list[str]) -> str:
    """The trigger for what other schedulers write behind @every: 5m, 1h30m."""
    found = _LENGTHS.fullmatch("".join(lengths).lower())
    units = zip(("hours", "minutes", "seconds"), found.groups() if found else (), strict=False)
    given = [(name, int(digits)) for name, digits in units if digits and int(digits)]
    if len(given) == 1:
        return f"Every('{given[0][1]}{given[0][0][0]}')"
    return f"Every({', '.join(f'{name}={number}' for name, number in given)})" if given else "Every('10m')"
