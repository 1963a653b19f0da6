"""A definition as the fields of a form, and back: what the HTTP API takes. Pure.

What a form shows is what is stored, and read back it is the same. A value of which no text says that (bytes among the
arguments, a set, a tuple within a list) is kept: the form shows no text of it, and cannot change it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final, cast

import msgspec

from rq_scheduler import serialization
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Schedule
from rq_scheduler.sanitize import plain_json
from rq_scheduler.triggers import AnyTrigger, At, Cron, Every, RRule
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.serializers import schedule as as_json
from rq_scheduler.web.security.bodies import is_too_deep

__all__ = ["CHOICES", "FIELDS", "KINDS", "Field", "Texts", "changes_of", "texts_of"]

_MAX_DEPTH = 32
"""Of JSON in a field: as of the bodies of the HTTP API, unless a site says otherwise."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. kind: how its text is read: "text", "json", "number", "list" (words between commas)."""

    name: str
    label: str
    hint: str
    kind: str = "text"


CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "overlap": ("skip", "allow", "buffer_one", "buffer_all", "replace"),
    "catchup": ("latest", "all", "none"),
    "excluded": ("skip", "next_day", "previous_day"),
}
KINDS: Final[Mapping[str, str]] = {
    "cron": "Cron string",
    "every": "Every so long",
    "rrule": "Calendar rule (RRULE)",
    "at": "Once",
    "trigger": "As JSON",
}
"""How a form says when it fires."""

FIELDS: Final = (
    Field("func", "Function", "package.module.function, as workers import it. It has to be allowed here (--allow)."),
    Field("args", "Arguments", 'A list, as JSON: ["daily", 7]', "json"),
    Field("kwargs", "Keywords", 'An object, as JSON: {"region": "US"}', "json"),
    Field("queue_name", "Queue", "Empty: the scheduler's own."),
    Field("job_timeout", "Stopped after", 'A run that takes longer is stopped: "5m". Empty: RQ\'s default.'),
    Field("overlap", "Last run still going", "What the next instant does then."),
    Field("catchup", "No dispatcher in time", "Which of the runs that passed still run."),
    Field("catchup_window", "Only catch up", 'what is less old than this: "6h". Empty: any.'),
    Field("jitter", "Jitter", 'Runs are up to so much later, each always the same: "2m".'),
    Field("exclude", "Days off", 'As JSON: [{"type": "dates", "days": ["2026-12-25"]}]', "json"),
    Field("excluded", "A run on a day off", "is skipped, or moved."),
    Field("pause_on_failures", "Pause after", "so many failed runs in a row. Empty: never.", "number"),
    Field("expect", "Expect a success", 'within this of each instant, or say that it is overdue: "1h".'),
    Field("start", "Begins at", "No run before this moment, with its offset: 2026-12-24T18:00+01:00"),
    Field("end", "Ends at", "No run from this moment on, with its offset."),
    Field("max_runs", "At most", "so many runs in all.", "number"),
    Field("tags", "Tags", 'Words, with commas between; or a list, as JSON: ["a, b"]', "list"),
)
_WHEN: Final = ("when_kind", "when", "timezone", "anchor")
_LOADED: Final = ("args", "kwargs", "func", "job_timeout")
"""What is not known of a definition that cannot be loaded here."""
_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART: Final = re.compile(
    r"(\d+(?:\.\d+)?) ?(d|days?|h|hours?|m|min|mins|minutes?|s|sec|secs|seconds?|)(?:[ ,]+|$|(?=\d))", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Texts:
    """What a form shows, by field; and the fields that it cannot show, which stay as they are."""

    shown: Mapping[str, str]
    kept: frozenset[str] = frozenset()


def texts_of(stored: StoredSchedule, definition: Schedule | None) -> Texts:
    """What the form shows of a schedule. Without a definition, which cannot be loaded here, its arguments are kept."""
    shown = as_json(stored)
    values: dict[str, Any] = {**(shown["policies"] or {})}
    values["exclude"] = msgspec.json.decode(msgspec.json.encode(values.get("exclude")))  # lists, of tuples
    values |= {"func": stored.func, "queue_name": stored.queue_name, "tags": list(stored.tags)}
    if definition is not None:
        values |= {"args": list(definition.args or ()), "kwargs": dict(definition.kwargs or {})}
        values |= {"job_timeout": None if definition.job_timeout is None else str(definition.job_timeout)}
    texts = {field.name: _text(values.get(field.name), field.kind) for field in FIELDS}
    texts |= dict(zip(_WHEN, _when(stored.trigger), strict=True))
    kept = frozenset(name for name, text in texts.items() if text is None)
    not_loaded = () if definition is not None else _LOADED
    return Texts({name: text or "" for name, text in texts.items()}, kept.union(not_loaded))


def changes_of(texts: Mapping[str, str], before: Texts) -> dict[str, Any]:
    """What of the form is another text than before, as the API takes it, and whole; None takes a field back to its
    default. Raises InvalidArgument for what cannot be read."""
    changed = {
        name
        for name in (*_WHEN, *(field.name for field in FIELDS))
        if name not in before.kept and name in texts and _lines(texts[name]) != _lines(before.shown.get(name, ""))
    }
    body = {field.name: _read(field, _lines(texts[field.name])) for field in FIELDS if field.name in changed}
    if not changed.isdisjoint(_WHEN):
        body |= _read_when({**before.shown, **texts})
    return body


def _lines(text: str) -> str:
    """As it was before a browser sent it, which ends each line in its own way."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _read_when(texts: Mapping[str, str]) -> dict[str, Any]:
    kind, when, zone, anchor = (_lines(texts.get(name, "")) for name in _WHEN)
    if kind not in KINDS:
        raise InvalidArgument("the form does not say how it says when the schedule fires: load the page again")
    if not when:
        raise InvalidArgument("when it fires is missing: give a cron string such as 30 2 * * *, or another kind")
    if kind == "trigger":
        return {"trigger": _read(Field("trigger", "", "", "json"), when)}
    if kind == "every":
        return {"trigger": {"type": "every", "interval": _interval(when), **({"anchor": anchor} if anchor else {})}}
    return {kind: when, **({"timezone": zone} if zone and kind in ("cron", "rrule") else {})}


def _interval(text: str) -> str:
    """`30m`, `15 minutes`, `1h 30m`, `90`: a length of time, as a trigger has it."""
    parts = list(_PART.finditer(text.lower().removeprefix("every ")))
    if not parts or "".join(part[0] for part in parts) != text.lower().removeprefix("every "):
        raise InvalidArgument(f"{text!r:.60} is no length of time: write 30m, 15 minutes, 1h 30m or 90s")
    seconds = sum(Fraction(number) * _UNITS[unit[:1] or "s"] for number, unit in (part.groups() for part in parts))
    return f"{float(seconds):f}".rstrip("0").rstrip(".") + "s"


def interval_text(interval: timedelta) -> str:
    """The same back, in the largest unit of which it is a whole number."""
    us = interval // timedelta(microseconds=1)
    for unit, seconds in _UNITS.items():
        if us % (seconds * 1_000_000) == 0:
            return f"{us // (seconds * 1_000_000)}{unit}"
    return f"{us / 1_000_000:f}".rstrip("0") + "s"


def _read(field: Field, text: str) -> Any:
    if not text:
        return None
    if field.kind == "list" and not text.startswith("["):
        return [word.strip() for word in text.split(",") if word.strip()]
    if field.kind == "number":
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidArgument(f"{field.name}={text!r:.60} is no whole number")
        return int(text)
    if field.kind in ("json", "list"):
        return _read_json(field, text)
    return text


def _read_json(field: Field, text: str) -> Any:
    body = text.encode(errors="replace")
    if is_too_deep(body, _MAX_DEPTH):
        raise InvalidArgument(f"{field.name}= has lists and objects more than {_MAX_DEPTH} deep in each other")
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidArgument(f"{field.name}={text!r:.60} is no JSON: {field.hint or 'write an object'}") from None


def _text(value: Any, kind: str) -> str | None:
    """A text that is read as this value; None where there is none."""
    if value is None or value in ("", [], {}):
        return ""
    if kind == "list" and all(_can_be_typed(word) and "," not in word and word[:1] != "[" for word in value):
        return ", ".join(value)
    if kind in ("json", "list"):
        return plain_json(value) if _is_json(value, _MAX_DEPTH) else None
    return str(value) if _can_be_typed(str(value)) else None


def _can_be_typed(text: str) -> bool:
    """Whether a form gives it back as it is: lines come back as they are, but neither spaces around, other control
    characters, nor what is no text."""
    controls = {unicodedata.category(one) for one in text if one != "\n"} & {"Cc", "Cs"}
    return text == _lines(text) != "" and not controls


def _is_json(value: Any, depth: int) -> bool:
    """Whether JSON says all of it: what is read is the same value, of the same types."""
    if type(value) in (dict, list) and not depth:
        return False
    if type(value) is dict:
        pairs = cast("dict[Any, Any]", value).items()
        return all(type(name) is str and _is_json(name, 0) and _is_json(one, depth - 1) for name, one in pairs)
    if type(value) is list:
        return all(_is_json(one, depth - 1) for one in cast("list[Any]", value))
    if type(value) is float:
        return value - value == 0  # finite
    if type(value) is str:
        return not any(unicodedata.category(one) == "Cs" for one in value)
    return value is None or type(value) in (bool, int)


def _when(trigger: AnyTrigger | None) -> tuple[str | None, ...]:
    """Kind, text, zone and anchor."""
    if isinstance(trigger, Cron) and trigger.day_match == "either":
        return "cron", _text(trigger.expression, "text"), _text(trigger.timezone, "text"), ""
    if isinstance(trigger, RRule):
        return "rrule", _text(_lines(trigger.text), "text"), _text(trigger.timezone, "text"), ""
    if isinstance(trigger, At):
        return "at", iso(trigger.moment), "", ""
    if isinstance(trigger, Every):
        anchor = serialization.to_builtins(trigger)["anchor"]
        return "every", interval_text(trigger.interval), "", _text(anchor, "text")
    return "trigger", "" if trigger is None else plain_json(serialization.to_builtins(trigger)), "", ""
