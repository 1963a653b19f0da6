"""The language of cron strings: text in, sets of numbers out, every mistake named.

Owns the syntax (5, 6 and 7 fields, aliases, names, lists, ranges, steps, `L`, `LW`, `5L`, `MON#2`) and its
errors. Knows no calendar beyond the ranges of the fields, no zone and no trigger. Sets are bit masks: bit v for
the value v.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from rq_scheduler.errors import InvalidArgument, InvalidType

__all__ = ["LAST_YEAR", "CronText", "parse", "seconds_first"]

LAST_YEAR = 9999
_FIRST_YEAR = 1970

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
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
                raise self.refuse(
                    place,
                    f"{term!r} runs backwards; write it as two ranges: "
                    f"'{_range(min(lo, top), top)},{_range(place.lo, hi)}'",
                )
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

    def step(self, place: _Field, text: str, term: str) -> int:
        span = 7 if place is _WEEKDAY else place.hi - place.lo + 1
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
            elif term == "?" and term == text:
                into.days |= self.term(_DAY, "*")
            else:
                into.days |= self.term(_DAY, term)

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


def _range(lo: int, hi: int) -> str:
    return str(lo) if lo == hi else f"{lo}-{hi}"


def _whole(text: str) -> int | None:
    """The number if the text is plain digits."""
    # Nine digits are out of every range already, and `int` refuses 5,000.
    return int(text[:9]) if text.isascii() and text.isdigit() else None


def _also(place: _Field) -> str:
    if place is _DAY:
        return ", L (last day) and LW (last weekday)"
    return ", 5L (last Friday) and MON#2 (second Monday)" if place is _WEEKDAY else ""


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
            hint = f"; for an interval write Every({parts[1]!r})" if parts[0] == "@every" and len(parts) > 1 else ""
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
    raise InvalidArgument(
        f"cron {expression!r} has six fields, which some read as seconds first and some as year last; "
        f"{_seven(' '.join(parts))}"
    )


def seconds_first(expression: str) -> str | None:
    """The 7-field form of six fields whose first is seconds; None where they cannot be read so."""
    return None if _problem(f"{expression} *") else f"{' '.join(expression.split())} *"


def _seven(fields: str) -> str:
    """What to write instead of these six fields: the readings that can be."""
    meanings = {f"{fields} *": "the first is seconds", f"0 {fields}": "the last is the year"}
    problems = {text: _problem(text) for text in meanings}
    readings = [f"{text!r} if {meanings[text]}" for text in meanings if not problems[text]]
    if readings:
        return f"write all seven: {', '.join(readings)}"
    why = "; ".join(f"if {meanings[text]}, {problems[text].partition(': ')[2]}" for text in meanings)
    return f"it can be neither ({why}): give 5 (minute hour day-of-month month day-of-week)"


def _problem(expression: str) -> str:
    try:
        parse(expression)
    except InvalidArgument as error:
        return str(error)
    return ""
