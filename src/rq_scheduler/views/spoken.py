"""When a schedule fires, as a person would say it: "every day at 02:30". Pure.

Says only what it is sure of: a cron string of another kind stays as it is written.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.humanize import counted, length, trigger_words
from rq_scheduler.triggers import AnyOf, AnyTrigger, At, Cron, Every

__all__ = ["place", "spoken", "zone_of"]

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                  "November", "December")  # fmt: skip
_NAMES: Final = {day[:3].upper(): str(number) for number, day in enumerate(_DAYS[:7])}
_MACROS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_MOST_TIMES = 4


def spoken(trigger: AnyTrigger | None, zone: tzinfo, now: datetime) -> str:
    """Its instants, by its own clock; a single moment by that of `zone`."""
    if isinstance(trigger, Every):
        return _every(trigger)
    if isinstance(trigger, At):
        return f"once, at {Times(getattr(zone, 'key', 'UTC'), now, now).short(trigger.moment)}"
    if isinstance(trigger, Cron) and trigger.day_match == "either":
        said = _cron(trigger.expression)
        return trigger.expression if said is None else said
    if isinstance(trigger, AnyOf):
        return "; or ".join(spoken(each, zone, now) for each in trigger.triggers)
    return trigger_words(trigger)


def zone_of(trigger: AnyTrigger | None) -> str | None:
    """The zone whose clock it goes by; None where it goes by none, or by several."""
    if isinstance(trigger, AnyOf):
        zones = {zone_of(each) for each in trigger.triggers}
        return zones.pop() if len(zones) == 1 else None
    return getattr(trigger, "timezone", None)


def place(zone: str) -> str:
    """`Paris` of `Europe/Paris`: a zone where there is little room."""
    return zone.rpartition("/")[2].replace("_", " ")


def _every(trigger: Every) -> str:
    seconds = trigger.interval / timedelta(seconds=1)
    for name, size in _UNITS:
        if seconds and seconds % size == 0:
            count = int(seconds // size)
            return f"every {name}" if count == 1 else f"every {counted(count, name, f'{name}s')}"
    return f"every {length(trigger.interval)}"


def _cron(expression: str) -> str | None:
    """In words; None where it is of no common kind."""
    fields = _MACROS.get(expression.strip().lower(), expression).split()
    if len(fields) != 5:
        return None
    minute, hour, day, month, weekday = fields
    days = _days(day, month, weekday)
    if days is None:
        return None
    times = _times(minute, hour)
    if times is None:
        return None
    if not times.startswith("at "):
        return times if days == "every day" else f"{times}, {days}"
    return f"{days} {times}"


def _times(minute: str, hour: str) -> str | None:
    step = re.fullmatch(r"\*/(\d+)", minute)
    if hour == "*":
        if minute == "*":
            return "every minute"
        if step and 60 % int(step[1]) == 0 and int(step[1]) > 1:
            return f"every {step[1]} minutes"
        if minute.isdigit() and int(minute) < 60:
            return "every hour" if int(minute) == 0 else f"every hour at :{int(minute):02d}"
        return None
    hour_step = re.fullmatch(r"\*/(\d+)", hour)
    if not minute.isdigit() or int(minute) > 59:
        return None
    if hour_step and 24 % int(hour_step[1]) == 0 and int(hour_step[1]) > 1:
        past = "" if int(minute) == 0 else f" at :{int(minute):02d}"
        return f"every {hour_step[1]} hours{past}"
    hours = _numbers(hour, 23)
    if hours is None or len(hours) > _MOST_TIMES:
        return None
    return "at " + _listed([f"{each:02d}:{int(minute):02d}" for each in hours])


def _days(day: str, month: str, weekday: str) -> str | None:
    any_day, any_weekday, any_month = day in "*?", weekday in "*?", month == "*"
    if any_day and any_weekday and any_month:
        return "every day"
    if any_day and any_month:
        return _weekdays(weekday)
    if not any_weekday:
        return None
    named = "the last day" if day.upper() == "L" else _ordinal(day)
    if named is None:
        return None
    if any_month:
        return f"{named} of the month"
    months = _numbers(month, 12, least=1)
    if months is None or len(months) > _MOST_TIMES:
        return None
    return f"{named} of " + _listed([_MONTHS[each - 1] for each in months])


def _weekdays(text: str) -> str | None:
    text = text.upper()
    last = re.fullmatch(r"([0-7]|[A-Z]{3})L", text)
    if last:
        number = _NAMES.get(last[1], last[1])
        return f"the last {_DAYS[int(number)]} of the month" if number.isdigit() else None
    for name, number in _NAMES.items():
        text = text.replace(name, number)
    span = re.fullmatch(r"([0-7])-([0-7])", text)
    if span and int(span[1]) < int(span[2]):
        return f"{_DAYS[int(span[1])]} to {_DAYS[int(span[2])]}"
    numbers = _numbers(text, 7)
    return None if numbers is None else "every " + _listed([_DAYS[each] for each in numbers])


def _ordinal(day: str) -> str | None:
    if not day.isdigit() or not 0 < int(day) < 32:
        return None
    number = int(day)
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"the {number}{ending}"


def _numbers(text: str, most: int, least: int = 0) -> list[int] | None:
    """`1,15`; a range of a few too."""
    found: list[int] = []
    for part in text.split(","):
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not span:
            return None
        first, last = int(span[1]), int(span[2] or span[1])
        if not least <= first <= last <= most:
            return None
        found += range(first, last + 1)
    return found


def _listed(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
