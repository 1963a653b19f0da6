"""Moments, lengths of time and triggers as people read them. Pure.

Knows no command and no terminal. `now` is always given: it is the server's time, not this host's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from rq_scheduler.clock import US, in_zone, timedelta_us
from rq_scheduler.model import Spec
from rq_scheduler.sanitize import plain
from rq_scheduler.triggers import AnyOf, At, Cron, Every, RRule, Trigger

__all__ = [
    "NONE",
    "counted",
    "distance",
    "length",
    "moment",
    "moves_words",
    "trigger_words",
    "when",
]

NONE = "-"
"""What stands where there is nothing to say."""

_UNITS = (("d", 86_400 * US), ("h", 3_600 * US), ("m", 60 * US), ("s", US))


def counted(number: int, one: str, many: str) -> str:
    """`1 run`, `1,000 runs`."""
    return f"{number:,} {one if number == 1 else many}"


def moment(at: datetime | None, zone: tzinfo = UTC) -> str:
    """`2026-11-24 22:32:42Z`, or with the offset in other zones, so that a repeated hour is told apart; milliseconds
    where there are any."""
    if at is None:
        return NONE
    text = in_zone(at, zone).isoformat(" ", "milliseconds" if at.microsecond // 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z" if zone is UTC else text


def distance(at: datetime, now: datetime) -> str:
    """`in 2h 5m`, `3m 20s ago`, `now`."""
    delta = at - now
    if abs(delta) < timedelta(seconds=1):
        return "now"
    return f"in {length(delta, coarse=True)}" if delta > timedelta() else f"{length(-delta, coarse=True)} ago"


def when(at: datetime | None, now: datetime, zone: tzinfo = UTC) -> str:
    """A moment, absolute and relative."""
    return NONE if at is None else f"{moment(at, zone)} ({distance(at, now)})"


def length(delta: timedelta | None, *, coarse: bool = False) -> str:
    """A length of time in its two largest units: `12 ms`, `1.5s`, `3m 20s`, `2d 4h`; whole seconds if `coarse`."""
    if delta is None:
        return NONE
    us = timedelta_us(delta)
    if us < 0:
        return f"-{length(-delta, coarse=coarse)}"
    if us < US and not coarse:
        return "0s" if us == 0 else f"{us / 1000:.3g} ms"
    if us < 60 * US and not coarse:
        return f"{us / US:.3f}".rstrip("0").rstrip(".") + "s"
    left = us // US * US
    parts: list[str] = []
    for name, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{name}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0s"


def _restricts_both(expression: str) -> bool:
    """Whether a cron string names days of the month and of the week: only then it matters how the two go together."""
    fields = expression.split()[-6:] if len(expression.split()) == 7 else expression.split()
    return len(fields) >= 5 and not any(field.startswith(("*", "?")) for field in (fields[2], fields[4]))


def trigger_words(trigger: Trigger | None) -> str:
    """A trigger in one line."""
    if trigger is None:
        return "(damaged or newer than this)"
    if isinstance(trigger, Cron):
        both = ", both day fields" if trigger.day_match == "both" and _restricts_both(trigger.expression) else ""
        zone = "" if trigger.timezone == "UTC" else f" ({trigger.timezone})"
        return f"{trigger.expression}{both}{zone}"
    if isinstance(trigger, RRule):
        zone = "" if trigger.timezone == "UTC" else f" ({trigger.timezone})"
        return plain(" ".join(trigger.text.split()).removeprefix("RRULE:")) + zone
    if isinstance(trigger, Every):
        return f"every {length(trigger.interval)}"
    if isinstance(trigger, At):
        return f"at {moment(trigger.moment)}"
    if isinstance(trigger, AnyOf):
        return " or ".join(map(trigger_words, trigger.triggers))
    return plain(repr(trigger))


def moves_words(spec: Spec | None) -> str:
    """Where runs on excluded days go, if they go anywhere."""
    if spec is None or not spec.exclude or spec.excluded == "skip":
        return ""
    return f"moved to the {spec.excluded.replace('_', ' ')}"
