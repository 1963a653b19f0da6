"""**Edit** and **New**: a definition, with a preview of what it would do before it is put.

A form is of the version that its page showed first, whatever is previewed or refused since: of a schedule that somebody
has changed meanwhile nothing is saved, and the page says what was changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from rq_scheduler.client.schedules import StoredSchedule, Version
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.client.schedules.files import schedule_from
from rq_scheduler.errors import InvalidArgument, SchedulerError, VersionConflict
from rq_scheduler.humanize import distance
from rq_scheduler.model import Schedule
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.serializers import schedule as as_json
from rq_scheduler.views.spoken import spoken, zone_of
from rq_scheduler.web.api import schedules as api
from rq_scheduler.web.api.route import Call, NoQuery
from rq_scheduler.web.pages.collisions import Collisions, collisions_of
from rq_scheduler.web.pages.definition_form import CHOICES, FIELDS, KINDS, Field, Texts, changes_of, texts_of
from rq_scheduler.web.pages.page import Asked, Shown, Went
from rq_scheduler.web.problems import Refused

__all__ = ["change", "create", "show_edit", "show_new"]

SHOWN = 10
_BARE = "preview.only"
_TIMING = frozenset(
    {"cron", "every", "rrule", "at", "trigger", "timezone", "jitter", "start", "end", "max_runs", "exclude", "excluded"}
)
"""Fields that say when it fires."""
_LABELS = {field.name: field.label.lower() for field in FIELDS}


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
    """What the definition in the form would do; or why it cannot be. paused: of one that is, what that does to it."""

    words: str
    instants: Sequence[Instant]
    changes: Sequence[str]
    refused: str = ""
    collisions: Collisions | None = None
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """The page's value. stored is None of a new one. version: the one that the page showed first; since: what others
    have changed after it. kept: fields that no form can show, which stay as they are. refusal: why
    what the form calls may not be run here."""

    stored: StoredSchedule | None
    id: str
    texts: Mapping[str, str]
    preview: Preview
    version: int = 0
    since: Sequence[Version] = ()
    kept: frozenset[str] = frozenset()
    refusal: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether somebody has changed it since."""
        return self.stored is not None and self.stored.version != self.version

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
    stored, before = _read(asked)
    return _shown(asked, _Form(stored, before, before.shown, stored.version))


def change(asked: Asked) -> Shown | Went:
    """A preview of what the form says; or the change."""
    stored, before = _read(asked)
    saves = asked.form.get("do") == "save"
    form = _Form(stored, before, {**before.shown, **_given(asked)}, _version(asked, stored, needed=saves))
    if not saves:
        return _shown(asked, form)
    page = asked.link("schedules", asked.id)
    try:
        if form.version != stored.version:
            raise VersionConflict(
                f"schedule {asked.id!r} is at version {stored.version}, not {form.version}: nothing is saved"
            )
        body = changes_of(form.texts, before)
        if not body:
            return Went(page, f"Nothing is changed: {asked.id} is as it was.")
        answer = api.replace_fields(_call(asked, asked.id, body, {"if-match": f'"{form.version}"'}))
    except (SchedulerError, Refused, msgspec.ValidationError) as error:
        return _shown(asked, form, str(error))
    return Went(page, f"{asked.id} is changed: {', '.join(body)}. It is at version {answer.body['version']} now.")


def show_new(asked: Asked) -> Shown:
    """The form of a new schedule."""
    return _shown(asked, _Form(None, Texts({}), _blank(asked)))


def create(asked: Asked) -> Shown | Went:
    """A preview of what the form says; or the schedule."""
    id = asked.form.get("new_id", "").strip()[:400]
    form = _Form(None, Texts({}), {**_blank(asked), **_given(asked)}, id=id)
    if asked.form.get("do") != "save":
        return _shown(asked, form)
    try:
        body = {name: value for name, value in changes_of(form.texts, form.before).items() if value is not None}
        api.put_schedule(_call(asked, id, body, {"if-none-match": "*"}))
    except (SchedulerError, Refused, msgspec.ValidationError) as error:
        return _shown(asked, form, str(error))
    return Went(asked.link("schedules", id), f"{id} is defined.")


# Below the pages


@dataclass(frozen=True, slots=True)
class _Form:
    """What was sent, or is shown first: texts, beside those of what is stored."""

    stored: StoredSchedule | None
    before: Texts
    texts: Mapping[str, str]
    version: int = 0
    id: str = ""


def _blank(asked: Asked) -> dict[str, str]:
    return {field.name: "" for field in FIELDS} | {"when_kind": "cron", "when": "", "timezone": asked.zone}


def _given(asked: Asked) -> dict[str, str]:
    names = ["when_kind", "when", "timezone", "anchor", *(field.name for field in FIELDS)]
    return {name: asked.form[name] for name in names if name in asked.form}


def _call(asked: Asked, id: str, body: dict[str, Any], headers: Mapping[str, str]) -> Call[NoQuery, dict[str, Any]]:
    return Call(asked.scheduler, asked.service.settings, asked.visitor, id, NoQuery(), body, headers)


def _version(asked: Asked, stored: StoredSchedule, *, needed: bool) -> int:
    """That the form is of."""
    given = asked.form.get("version", "")
    if given.isascii() and given.isdigit() and len(given) < 16:
        return int(given)
    if needed:
        raise Refused(400, "bad-form", "the form says no version: load the page again")
    return stored.version


def _read(asked: Asked) -> tuple[StoredSchedule, Texts]:
    stored = asked.scheduler.schedules[asked.id]
    if stored.kind != "schedule":
        raise Refused(409, "job", f"{asked.id!r} is a recurring job of the 0.14 API: it is changed in code")
    definition: Schedule | None = None
    with suppress(SchedulerError):  # its arguments stay as they are
        definition = stored.definition
    return stored, texts_of(stored, definition)


def _shown(asked: Asked, form: _Form, refused: str = "") -> Shown:
    stored, preview = form.stored, preview_of(asked, form.stored, form.before, form.texts)
    if refused:
        preview = replace(preview, refused=refused)
    page = Edit(stored, form.id, form.texts, preview, form.version, kept=form.before.kept)
    page = replace(page, refusal=asked.refusal(form.texts.get("func", "").strip()))
    if page.is_stale:
        since = [one for one in asked.scheduler.schedules.versions(asked.id) if one.version > form.version]
        page = replace(page, since=since)
    title = "New schedule" if stored is None else f"Edit {stored.id[:60]}"
    return Shown("edit.html", title, page, 422 if refused else 200)


def preview_of(asked: Asked, stored: StoredSchedule | None, before: Texts, texts: Mapping[str, str]) -> Preview:
    """The next instants of what is in the form, beside those of what is stored."""
    if not texts.get("when", "").strip():
        return Preview("Say when it runs: what that means appears here.", (), ())
    try:
        body = changes_of(texts, before)
        queue = texts.get("queue_name", "").strip() or asked.service.scheduler.queue_name
        whole = {**_whole(stored, body), "queue_name": queue}
        made = schedule_from("preview" if stored is None else stored.id, whole)
        new, old = _upcoming(made, stored, asked, retimed=not _TIMING.isdisjoint(body))
        collisions = collisions_of(asked, made, whole, queue)
    except (SchedulerError, msgspec.ValidationError) as error:
        return Preview("", (), (), str(error))
    zone = zone_of(made.trigger)
    own = Times(zone or asked.zone, asked.now, asked.now)
    words = f"{spoken(made.trigger, asked.tz, asked.now)}" + (f", by the clock of {zone}" if zone else "")
    changes = () if stored is None else list(dict.fromkeys(_LABELS.get(name, "when it runs") for name in body))
    instants = _instants(new, old, own, asked)
    return Preview(words, instants, changes, collisions=collisions, paused=_paused(stored, asked))


def _upcoming(
    made: Schedule, stored: StoredSchedule | None, asked: Asked, *, retimed: bool
) -> tuple[list[datetime], list[datetime]]:
    """The next instants with the form, and without it: the same, unless the form says when it fires. Runs that it has
    had count for `max_runs`; of one that is paused until a time, those after it."""
    old = [] if stored is None else stored.upcoming(SHOWN)
    if stored is not None and not retimed and not stored.paused:
        return old, old
    left = SHOWN if made.max_runs is None else max(0, made.max_runs - (0 if stored is None else stored.runs))
    until = None if stored is None or not stored.paused else stored.paused_until
    return made.upcoming(min(SHOWN, left), max(asked.now, until or asked.now)), old


def _paused(stored: StoredSchedule | None, asked: Asked) -> str:
    if stored is None or not stored.paused:
        return ""
    if stored.paused_until is None:
        return "It is paused: it has none of these until somebody resumes it"
    return f"It is paused until {asked.times.short(whole_second(stored.paused_until))}: it has none before that"


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
    if not old or new == old:
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
