"""The language of recurrence rules: RFC 5545's DTSTART, RRULE, RDATE, EXDATE and EXRULE, and their errors.

Owns how the text is read and its canonical form. What a rule means is in `rrule_calendar`. Knows no zone data and no
trigger. A *wall* is a local date and time written as if it were UTC, in seconds since 1970-01-01T00:00.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, time
from enum import IntEnum

from rq_scheduler.errors import InvalidArgument, InvalidType

__all__ = ["DAY", "Freq", "Moment", "RecurrenceText", "Rule", "check_length", "parse"]

DAY = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

NO_DTSTART = -63_158_400
"""1968-01-01T00:00, from which rules without DTSTART count: a Monday that begins a (leap) year, so that what the rule
leaves open is Monday, the 1st, January and midnight."""

MAX_COUNT = 100_000

MAX_TEXT = 32_768
"""Characters: some 1,900 single dates."""

_LINE = re.compile(r"(DTSTART|RRULE|RDATE|EXDATE|EXRULE)[:;]", re.IGNORECASE)
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BYDAY = re.compile(rf"([+-]?\d{{1,2}})?({'|'.join(_WEEKDAYS)})", re.ASCII)


class Freq(IntEnum):
    """The unit that a rule counts in, longest first."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time as written: its wall, whether that is UTC, and whether no time was given."""

    wall: int
    utc: bool = False
    whole_day: bool = False


@dataclass(slots=True)
class Rule:
    """The parts of one RRULE or EXRULE; empty tuples are parts that were not given. Weekdays count from Monday, 0;
    `nth` has (weekday, n) of terms such as 2MO."""

    freq: Freq
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    week_start: int = 0
    months: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    nth: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


@dataclass(slots=True)
class RecurrenceText:
    """A text as read: `start` is DTSTART's wall, `timezone` the zone that is named, `canonical` the text in its one
    form."""

    start: int = NO_DTSTART
    timezone: str | None = None
    canonical: str = ""
    rules: list[Rule] = field(default_factory=list[Rule])
    without_rules: list[Rule] = field(default_factory=list[Rule])
    dates: list[Moment] = field(default_factory=list[Moment])
    without_dates: list[Moment] = field(default_factory=list[Moment])


# Part, where it is kept, least and greatest, and whether it counts from the end too.
_NUMBERS: dict[str, tuple[str, int, int, bool]] = {
    "BYMONTH": ("months", 1, 12, False),
    "BYWEEKNO": ("weeks", 1, 53, True),
    "BYYEARDAY": ("year_days", 1, 366, True),
    "BYMONTHDAY": ("month_days", 1, 31, True),
    "BYHOUR": ("hours", 0, 23, False),
    "BYMINUTE": ("minutes", 0, 59, False),
    "BYSECOND": ("seconds", 0, 59, False),
    "BYSETPOS": ("positions", 1, 366, True),
}

# Parts that RFC 5545 forbids beside some frequencies.
_FORBIDDEN: dict[str, set[Freq]] = {
    "BYWEEKNO": set(Freq) - {Freq.YEARLY},
    "BYYEARDAY": {Freq.MONTHLY, Freq.WEEKLY, Freq.DAILY},
    "BYMONTHDAY": {Freq.WEEKLY},
}

_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_NUMBERS)


def check_length(text: str) -> None:
    """Raises InvalidArgument for a text that is longer than a new one may be."""
    if len(text) > MAX_TEXT:
        raise InvalidArgument(
            f"RRule {text[:60]!r}... has {len(text):,} characters, more than {MAX_TEXT:,}: give a rule instead of "
            "single dates, leave out those that have passed, or make several schedules of it"
        )


def parse(text: str) -> RecurrenceText:
    """Reads a recurrence. Raises InvalidArgument that names the part, its value and what is allowed, or InvalidType."""
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (users without a type checker)
        raise InvalidType(f"a recurrence rule is text such as 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=9', not {text!r}")
    return _Reader(text).read()


class _Reader:
    """One text and what its errors begin with."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found = RecurrenceText()

    def refuse(self, says: str) -> InvalidArgument:
        return InvalidArgument(f"RRule {self._text!r}: {says}")

    def read(self) -> RecurrenceText:
        found = self._found
        lines: dict[str, list[str]] = {name: [] for name in ("DTSTART", "RRULE", "EXRULE", "RDATE", "EXDATE")}
        for line in self._lines():
            head, _, value = line.partition(":")
            if not value:
                raise self.refuse(f"{head} has no value")
            name, *parameters = head.split(";")
            lines[name.upper()].append(self._line(name.upper(), parameters, value))
        if len(lines["DTSTART"]) > 1:
            raise self.refuse("DTSTART is there twice: give it once")
        if not lines["RRULE"] and not lines["RDATE"]:
            raise self.refuse("it has neither RRULE nor RDATE, so it names no time: give 'FREQ=DAILY;BYHOUR=9'")
        for rule in (*found.rules, *found.without_rules):
            if rule.count is not None and not lines["DTSTART"]:
                raise self.refuse(
                    f"COUNT={rule.count} without DTSTART leaves open from when to count: add a line such as "
                    "'DTSTART:20260101T090000', or give the schedule max_runs"
                )
        found.canonical = "\n".join(f"{name}:{value}" for name, values in lines.items() for value in values)
        return found

    def _lines(self) -> list[str]:
        """The logical lines: what does not begin with a name goes on with the line before, as in folded text."""
        lines: list[str] = []
        for part in self._text.split():
            if _LINE.match(part):
                lines.append(part)
            elif ":" in part:
                raise self.refuse(f"{part!r} is not understood; the lines are DTSTART, RRULE, RDATE, EXDATE and EXRULE")
            elif not lines or (part.upper().startswith("FREQ=") and not lines[-1].endswith(":")):
                lines.append(f"RRULE:{part}")
            else:
                lines[-1] += part
        if not lines:
            raise self.refuse("it is empty: give a rule such as 'FREQ=DAILY;BYHOUR=9'")
        return lines

    def _line(self, name: str, parameters: list[str], value: str) -> str:
        """Reads one line into what was found; returns its value in the one form."""
        found = self._found
        if name in {"RRULE", "EXRULE"}:
            if parameters:
                raise self.refuse(f"{name} takes no parameter such as {parameters[0]!r}")
            rule, canonical = self._rule(name, value.upper())
            (found.rules if name == "RRULE" else found.without_rules).append(rule)
            return canonical
        self._zone(name, parameters)
        texts = value.upper().split(",")
        moments = [self._moment(name, one) for one in texts]
        if name == "DTSTART":
            if len(moments) > 1:
                raise self.refuse(f"DTSTART={value} names several moments: give one; others go into RDATE")
            found.start = moments[0].wall
            if moments[0].utc:
                if found.timezone not in {None, "UTC"}:
                    raise self.refuse(f"DTSTART has TZID={found.timezone} and ends in Z, which is UTC: leave one out")
                found.timezone = "UTC"
            return texts[0].removesuffix("Z")
        (found.dates if name == "RDATE" else found.without_dates).extend(moments)
        return ",".join(texts)

    def _zone(self, name: str, parameters: list[str]) -> None:
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.upper() == "TZID" and value:
                if self._found.timezone not in {None, value}:
                    raise self.refuse(
                        f"{name} has TZID={value} where {self._found.timezone} was named before: use one zone, or "
                        "write single moments in UTC (20261224T170000Z)"
                    )
                self._found.timezone = value
            elif key.upper() != "VALUE" or value.upper() not in {"DATE", "DATE-TIME"}:
                raise self.refuse(f"{name} has the parameter {parameter!r}; it takes TZID=Area/City and VALUE=DATE")

    def _moment(self, name: str, text: str) -> Moment:
        matched = _MOMENT.fullmatch(text)
        if matched is not None:
            year, month, day, hour, minute, second = (int(part or 0) for part in matched.groups()[:6])
            try:
                wall = (date(year, month, day).toordinal() - _EPOCH_ORDINAL) * DAY
                time(hour, minute, second)
            except ValueError:
                pass
            else:
                whole_day = matched[4] is None
                return Moment(wall + hour * 3600 + minute * 60 + second, matched[7] == "Z", whole_day)
        raise self.refuse(f"{name} has {text!r}, which is no moment: write 20261224T180000 (local), or ...Z for UTC")

    def _rule(self, name: str, value: str) -> tuple[Rule, str]:
        parts: dict[str, str] = {}
        for part in value.rstrip(";").split(";"):
            key, equals, given = part.partition("=")
            if key not in _PARTS:
                raise self.refuse(f"{key or part!r} is no part of {name} known here; the parts are {', '.join(_PARTS)}")
            if not equals or not given:
                raise self.refuse(f"{key} has no value: write {key}=...")
            if key in parts:
                raise self.refuse(f"{key} is there twice: give it once, as a list")
            parts[key] = given
        if "FREQ" not in parts:
            raise self.refuse(f"{name} has no FREQ=...: give one of {', '.join(Freq.__members__)}")
        if parts["FREQ"] not in Freq.__members__:
            raise self.refuse(f"FREQ={parts['FREQ']} is none of {', '.join(Freq.__members__)}")
        rule = Rule(Freq[parts["FREQ"]])
        for key, given in parts.items():
            self._part(rule, key, given)
        if rule.count is not None and rule.until is not None:
            raise self.refuse("COUNT and UNTIL are both there: RFC 5545 allows one of them")
        if rule.nth and (rule.freq > Freq.MONTHLY or rule.weeks):
            raise self.refuse(
                f"BYDAY={parts['BYDAY']} has numbers, which count weekdays of a month or a year: use FREQ=MONTHLY or "
                "FREQ=YEARLY (without BYWEEKNO), or leave them out"
            )
        return rule, ";".join(f"{key}={given}" for key, given in parts.items())

    def _part(self, rule: Rule, key: str, given: str) -> None:
        if rule.freq in _FORBIDDEN.get(key, ()):
            allowed = [freq.name for freq in Freq if freq not in _FORBIDDEN[key]]
            raise self.refuse(f"{key} does not go with FREQ={rule.freq.name} (RFC 5545), but with {', '.join(allowed)}")
        if key in _NUMBERS:
            kept, least, greatest, from_end = _NUMBERS[key]
            numbers = {self._number(key, term, least, greatest, from_end) for term in given.split(",")}
            setattr(rule, kept, tuple(sorted(numbers)))
        elif key == "INTERVAL":
            rule.interval = self._number(key, given, 1, 10**9, False)
        elif key == "COUNT":
            rule.count = self._number(key, given, 1, MAX_COUNT, False)
        elif key == "UNTIL":
            rule.until = self._moment(key, given)
        elif key == "WKST":
            if given not in _WEEKDAYS:
                raise self.refuse(f"WKST={given} is none of {', '.join(_WEEKDAYS)}")
            rule.week_start = _WEEKDAYS.index(given)
        elif key == "BYDAY":
            self._weekdays(rule, given)

    def _number(self, key: str, text: str, least: int, greatest: int, from_end: bool) -> int:
        digits = text.removeprefix("+" if text[:1] == "+" else "-") if from_end else text
        if digits.isascii() and digits.isdigit():
            number = int(digits[:12])
            if least <= number <= greatest:
                return -number if text[0] == "-" else number
        also = f" or -{greatest} to -{least}, from the end" if from_end else ""
        raise self.refuse(f"{key}={text} is not a number from {least} to {greatest}{also}")

    def _weekdays(self, rule: Rule, given: str) -> None:
        plain: set[int] = set()
        nth: set[tuple[int, int]] = set()
        for term in given.split(","):
            matched = _BYDAY.fullmatch(term)
            if matched is None or not -53 <= (n := int(matched[1] or 1)) <= 53 or n == 0:
                raise self.refuse(
                    f"BYDAY={term} is not understood: write {', '.join(_WEEKDAYS)}, or with a number from 1 to 53: "
                    "2MO is the second Monday, -1FR the last Friday"
                )
            weekday = _WEEKDAYS.index(matched[2])
            if matched[1] is None:
                plain.add(weekday)
            else:
                nth.add((weekday, n))
        rule.weekdays, rule.nth = tuple(sorted(plain)), tuple(sorted(nth))
