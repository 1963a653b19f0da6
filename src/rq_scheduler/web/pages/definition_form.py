"""A definition as the fields of a form, and back: what the HTTP API takes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rq_scheduler import serialization
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Schedule
from rq_scheduler.triggers import AnyTrigger, At, Cron, Every, RRule
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.serializers import schedule as as_json

__all__ = ["CHOICES", "FIELDS", "KINDS", "Field", "changes_of", "texts_of"]


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
    Field("start", "Not before", "A moment with its offset: 2026-12-24T18:00+01:00"),
    Field("end", "Not from", "A moment with its offset."),
    Field("max_runs", "At most", "so many runs in all.", "number"),
    Field("tags", "Tags", "Words, with commas between.", "list"),
)
_TEXTS: Final = {"when_kind": "cron", "when": "", "timezone": ""}


def texts_of(stored: StoredSchedule, definition: Schedule | None) -> dict[str, str]:
    """What the form shows of a schedule. Without a definition, which cannot be loaded here, its arguments are empty,
    and stay as they are."""
    shown = as_json(stored)
    policies: Mapping[str, Any] = shown["policies"] or {}
    texts = {field.name: _text(policies.get(field.name), field.kind) for field in FIELDS}
    texts |= {"func": stored.func, "queue_name": stored.queue_name, "tags": ", ".join(stored.tags)}
    if definition is not None:
        texts["args"] = _json(list(definition.args or ()))
        texts["kwargs"] = _json(dict(definition.kwargs or {}))
        texts["job_timeout"] = "" if definition.job_timeout is None else str(definition.job_timeout)
    kind, when, zone = _when(stored.trigger)
    return {**texts, "when_kind": kind, "when": when, "timezone": zone}


def changes_of(texts: Mapping[str, str], before: Mapping[str, str]) -> dict[str, Any]:
    """What of the form is another text than before, as the API takes it: null takes a field back to its default.
    Raises InvalidArgument for what cannot be read."""
    body: dict[str, Any] = {}
    for field in FIELDS:
        text = texts.get(field.name, before.get(field.name, "")).strip()
        if text != before.get(field.name, "").strip():
            body[field.name] = _read(field, text)
    if any(texts.get(name, before.get(name, "")).strip() != before.get(name, "") for name in _TEXTS):
        body |= _read_when(texts)
    return body


def _read_when(texts: Mapping[str, str]) -> dict[str, Any]:
    kind, when, zone = (texts.get(name, "").strip() for name in _TEXTS)
    if kind not in KINDS:
        raise InvalidArgument("the form does not say how it says when the schedule fires: load the page again")
    if not when:
        raise InvalidArgument("when it fires is missing: give a cron string such as 30 2 * * *, or another kind")
    if kind == "trigger":
        return {"trigger": _read(Field("trigger", "", "", "json"), when)}
    return {kind: when, **({"timezone": zone} if zone and kind in ("cron", "rrule") else {})}


def _read(field: Field, text: str) -> Any:
    if not text:
        return None
    if field.kind == "list":
        return [word.strip() for word in text.split(",") if word.strip()]
    if field.kind == "number":
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidArgument(f"{field.name}={text!r:.60} is no whole number")
        return int(text)
    if field.kind == "json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidArgument(f"{field.name}={text!r:.60} is no JSON: {field.hint or 'write an object'}") from None
    return text


def _text(value: Any, kind: str) -> str:
    if value is None or value in ([], ()):
        return ""
    return _json(value) if kind == "json" else str(value)


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return ""  # no JSON: it stays as it is
    return "" if text in ("[]", "{}") else text


def _when(trigger: AnyTrigger | None) -> tuple[str, str, str]:
    if isinstance(trigger, Cron) and trigger.day_match == "either":
        return "cron", trigger.expression, trigger.timezone
    if isinstance(trigger, RRule):
        return "rrule", trigger.text, trigger.timezone
    if isinstance(trigger, At):
        return "at", iso(trigger.moment) or "", ""
    if isinstance(trigger, Every) and trigger.anchor is None:
        return "every", str(serialization.to_builtins(trigger)["interval"]), ""
    return "trigger", "" if trigger is None else json.dumps(serialization.to_builtins(trigger), default=str), ""
