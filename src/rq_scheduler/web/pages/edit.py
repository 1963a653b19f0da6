"""**Edit** and **New**: a definition, with a preview of what it would do before it is put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.client.schedules.files import schedule_from
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.humanize import distance
from rq_scheduler.model import Schedule
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.serializers import schedule as as_json
from rq_scheduler.views.spoken import spoken, zone_of
from rq_scheduler.web.api import schedules as api
from rq_scheduler.web.api.route import Call, NoQuery
from rq_scheduler.web.pages.definition_form import CHOICES, FIELDS, KINDS, Field, changes_of, texts_of
from rq_scheduler.web.pages.page import Asked, Shown, Went
from rq_scheduler.web.problems import Refused

__all__ = ["change", "create", "show_edit", "show_new"]

SHOWN = 10
_BARE = "preview.only"


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant of the preview. sign: "+" for one that is new, "-" for one that goes, empty for one that stays."""

    at: datetime
    sign: str
    own: str
    here: str
    distance: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What the definition in the form would do; or why it cannot be."""

    words: str
    instants: Sequence[Instant]
    changes: Sequence[str]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """The page's value. stored is None of a new one."""

    stored: StoredSchedule | None
    id: str
    texts: Mapping[str, str]
    preview: Preview
    loads: bool

    @property
    def fields(self) -> Sequence[Field]:
        """Those of the form, in order."""
        return FIELDS

    @property
    def choices(self) -> Mapping[str, Sequence[str]]:
        """What may be chosen in those that are choices."""
        return CHOICES

    @property
    def kinds(self) -> Mapping[str, str]:
        """How the form says when it fires."""
        return KINDS


def show_edit(asked: Asked) -> Shown:
    """The form of a schedule. Raises ScheduleNotFound."""
    stored, before, loads = _read(asked)
    return _shown(asked, stored, before, before, loads=loads)


def change(asked: Asked) -> Shown | Went:
    """A preview of what the form says; or the change."""
    stored, before, loads = _read(asked)
    texts = {**before, **_given(asked)}
    if asked.form.get("do") != "save":
        return _shown(asked, stored, before, texts, loads=loads)
    page = asked.link("schedules", asked.id)
    try:
        body = changes_of(texts, before)
        if not body:
            return Went(page, f"Nothing is changed: {asked.id} is as it was.")
        version = asked.form.get("version", "")
        headers = {"if-match": f'"{version}"'} if version.isdigit() else {}
        answer = api.patch_schedule(_call(asked, asked.id, body, headers))
    except (SchedulerError, Refused, msgspec.ValidationError) as error:
        return _shown(asked, stored, before, texts, loads=loads, refused=str(error))
    return Went(page, f"{asked.id} is changed: {', '.join(body)}. It is at version {answer.body['version']} now.")


def show_new(asked: Asked) -> Shown:
    """The form of a new schedule."""
    return _shown(asked, None, {}, _blank(asked))


def create(asked: Asked) -> Shown | Went:
    """A preview of what the form says; or the schedule."""
    texts, id = {**_blank(asked), **_given(asked)}, asked.form.get("new_id", "").strip()[:400]
    if asked.form.get("do") != "save":
        return _shown(asked, None, {}, texts, id=id)
    try:
        body = {name: value for name, value in changes_of(texts, {}).items() if value is not None}
        api.put_schedule(_call(asked, id, body, {"if-none-match": "*"}))
    except (SchedulerError, Refused, msgspec.ValidationError) as error:
        return _shown(asked, None, {}, texts, id=id, refused=str(error))
    return Went(asked.link("schedules", id), f"{id} is defined.")


def _blank(asked: Asked) -> dict[str, str]:
    return {field.name: "" for field in FIELDS} | {"when_kind": "cron", "when": "", "timezone": asked.zone}


def _given(asked: Asked) -> dict[str, str]:
    names = ["when_kind", "when", "timezone", *(field.name for field in FIELDS)]
    return {name: asked.form[name] for name in names if name in asked.form}


def _call(asked: Asked, id: str, body: dict[str, Any], headers: Mapping[str, str]) -> Call[NoQuery, dict[str, Any]]:
    return Call(asked.scheduler, asked.service.settings, asked.visitor, id, NoQuery(), body, headers)


def _read(asked: Asked) -> tuple[StoredSchedule, dict[str, str], bool]:
    stored = asked.scheduler.schedules[asked.id]
    if stored.kind != "schedule":
        raise Refused(409, "job", f"{asked.id!r} is a recurring job of the 0.14 API: it is changed in code")
    definition: Schedule | None = None
    with suppress(SchedulerError):  # its arguments stay as they are
        definition = stored.definition
    return stored, texts_of(stored, definition), definition is not None


def _shown(
    asked: Asked,
    stored: StoredSchedule | None,
    before: Mapping[str, str],
    texts: Mapping[str, str],
    *,
    loads: bool = True,
    id: str = "",
    refused: str = "",
) -> Shown:
    preview = preview_of(asked, stored, before, texts)
    if refused:
        preview = Preview(preview.words, preview.instants, preview.changes, refused)
    title = "New schedule" if stored is None else f"Edit {stored.id[:60]}"
    return Shown("edit.html", title, Edit(stored, id, texts, preview, loads), 422 if refused else 200)


def preview_of(
    asked: Asked, stored: StoredSchedule | None, before: Mapping[str, str], texts: Mapping[str, str]
) -> Preview:
    """The next instants of what is in the form, beside those of what is stored."""
    if not texts.get("when", "").strip():
        return Preview("Say when it runs: what that means appears here.", (), ())
    try:
        body = changes_of(texts, before)
        made = schedule_from("preview" if stored is None else stored.id, _whole(stored, body))
        new = made.upcoming(SHOWN, asked.now)
    except (SchedulerError, msgspec.ValidationError) as error:
        return Preview("", (), (), str(error))
    changed = [name for name, value in body.items() if stored is not None or value is not None]
    old = [] if stored is None else stored.upcoming(SHOWN)
    zone = zone_of(made.trigger)
    own = Times(zone or asked.zone, asked.now, asked.now)
    words = f"{spoken(made.trigger, asked.tz, asked.now)}" + (f", by the clock of {zone}" if zone else "")
    return Preview(words, _instants(new, old, own, asked), changed if stored is not None else ())


def _whole(stored: StoredSchedule | None, body: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with the changes in it, as far as it says when it fires."""
    whole: dict[str, Any] = {}
    if stored is not None:
        shown = as_json(stored)
        if shown["trigger"] is None:
            raise InvalidArgument("a newer version wrote this definition: this one cannot change it")
        whole = {name: value for name, value in shown["policies"].items() if value is not None}
        whole["trigger"] = shown["trigger"]
    if body.keys() & {"cron", "every", "rrule", "at", "trigger"}:
        whole.pop("trigger", None)
    for name, value in body.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = value
    return {"func": _BARE, **whole}


def _instants(new: Sequence[datetime], old: Sequence[datetime], own: Times, asked: Asked) -> list[Instant]:
    """Both, in order, as far as both are known."""
    if not old:
        signs = dict.fromkeys(new, "")
    else:
        last = min(new[-1] if len(new) == SHOWN else old[-1], old[-1]) if new else old[-1]
        signs = {at: "" if at in old else "+" for at in new}
        signs |= {at: "-" for at in old if at not in new and at <= max(last, old[0])}
    same = own.name == asked.zone
    return [
        Instant(
            at,
            sign,
            own.short(whole_second(at)),
            "" if same else asked.times.short(whole_second(at)),
            distance(at, asked.now),
        )
        for at, sign in islice(sorted(signs.items()), 2 * SHOWN)
    ]
