"""Schedules: find, read, define, change, delete, undo; what comes, what was, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import Meta

from rq_scheduler import serialization
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.client.schedules.files import Entry, schedule_from
from rq_scheduler.errors import InvalidArgument, ScheduleNotFound, VersionConflict
from rq_scheduler.views import explain, serializers
from rq_scheduler.web.api.cursors import cursor_of, read_cursor
from rq_scheduler.web.api.route import Answer, Call, NoQuery
from rq_scheduler.web.problems import Refused
from rq_scheduler.web.security.definitions import CALLBACKS, or_typed, refusal, refused_fields

T = TypeVar("T")

Limit = Annotated[int, Meta(ge=1, le=500)]


class FindQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which schedules, and which page."""

    tag: str | None = None
    queue_name: str | None = None
    prefix: str | None = None
    owner: str | None = None
    paused: bool | None = None
    limit: Limit = 100
    cursor: str | None = None


class LimitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Limit = 20


class ExplainQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When: a moment with its offset, a date, or nothing for the newest instant; and by whose clock it is told."""

    at: str | None = None
    timezone: str | None = None


class PreviewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many instants, and from when on."""

    count: Annotated[int, Meta(ge=1, le=1000)] = 10
    after: datetime | None = None


Definition = Entry
"""A definition, as a file of schedules has it: a function, when it runs, and the options of `Schedule`."""

Patch: type[msgspec.Struct] = msgspec.defstruct(
    "Patch",
    [(field.name, field.type | None, msgspec.UNSET) for field in msgspec.structs.fields(Entry)],
    namespace={"__doc__": "Some fields of a definition; null takes one back to its default."},
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)


class Undo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which version is undone: the present one, which has to be this."""

    version: Annotated[int, Meta(ge=1)]


def find_schedules(call: Call[FindQuery, None]) -> Answer:
    """Find schedules, by id."""
    query = call.query
    limit = min(query.limit, call.settings.max_page)
    behind = None if query.cursor is None else read_cursor(query.cursor, 1)[0]
    found = call.scheduler.schedules.find(
        tag=query.tag,
        queue_name=query.queue_name,
        prefix=query.prefix,
        owner=query.owner,
        paused=query.paused,
        limit=limit + 1,
        behind=behind,
    )
    page = found[:limit]
    more = cursor_of(page[-1].id) if len(found) > limit else None
    return Answer({"schedules": [serializers.schedule(one) for one in page], "next": more})


def get_schedule(call: Call[NoQuery, None]) -> Answer:
    """Read a schedule: definition and state. Its ETag is its version."""
    stored = call.scheduler.schedules[call.id]
    if _etag(stored) in _tags(call.headers.get("if-none-match", "")):
        return Answer(None, 304, {"etag": _etag(stored)})
    return _shown(stored)


def put_schedule(call: Call[NoQuery, dict[str, Any]]) -> Answer:
    """Create a schedule, or replace its definition. `If-None-Match: *` creates only, `If-Match` replaces that version
    only."""
    _refuse(refused_fields(call.body))
    given = dict(call.body)
    if given.pop("id", call.id) != call.id:
        raise InvalidArgument(f"id={call.body['id']!r:.200} is not that of the address, {call.id!r}: leave it out")
    definition = schedule_from(call.id, given)
    names = [getattr(definition, name) for name in ("func", *CALLBACKS)]
    functions = [str(name) for name in names if name]
    _refuse(refusal(functions, definition.queue_name, call.settings.functions, call.settings.allow_queues))
    schedules = call.scheduler.schedules
    version = _version(call)
    known = schedules.get(call.id)
    if known is not None:
        _check_stored(call)
    if version == 0 and known is not None:
        raise Refused(412, "version-conflict", f"schedule {call.id!r} is there already")
    stored = schedules.put(definition, version=version)
    return _shown(stored, 201 if known is None else 200)


def patch_schedule(call: Call[NoQuery, dict[str, Any]]) -> Answer:
    """Change some fields of a schedule: a merge patch (RFC 7396) of its definition; null takes a field back to its
    default."""
    _refuse(refused_fields(call.body))
    version = _version(call)
    return _shown(_again_if_changed(version, lambda: _patch(call, version)))


def replace_fields(call: Call[NoQuery, dict[str, Any]]) -> Answer:
    """As `patch_schedule`, with each field given whole: nothing is merged into what it holds."""
    _refuse(refused_fields(call.body))
    version = _version(call)
    return _shown(_again_if_changed(version, lambda: _patch(call, version, merging=False)))


def delete_schedule(call: Call[NoQuery, None]) -> Answer:
    """Delete a schedule and its history. Runs that are in their queue stay."""
    if not call.scheduler.schedules.delete(call.id):
        raise ScheduleNotFound(f"no schedule has the id {call.id!r}")
    return Answer(None, 204)


def undo_schedule(call: Call[NoQuery, Undo]) -> Answer:
    """Put back the definition of before the last change, or that of a deleted schedule."""
    schedules, number = call.scheduler.schedules, call.body.version
    earlier = [one.version for one in schedules.versions(call.id) if one.version < number]
    # Of one that is deleted, the newest version is what comes back.
    back = number if schedules.get(call.id) is None else next(iter(earlier), None)
    if back is not None:
        called = schedules.called(call.id, back)
        queue = None if called.queue_name == call.scheduler.queue_name else called.queue_name
        why = refusal(called.functions, queue, call.settings.functions, call.settings.allow_queues)
        _refuse(why and or_typed(why, "undo", call.id))
    return _shown(schedules.undo(call.id, version=number))


def get_versions(call: Call[NoQuery, None]) -> Answer:
    """The definitions that a schedule has and had, newest first."""
    found = call.scheduler.schedules.versions(call.id)
    return Answer({"schedule_id": call.id, "versions": [serializers.version(one) for one in found]})


def get_runs(call: Call[LimitQuery, None]) -> Answer:
    """The last runs of a schedule, newest first."""
    found = call.scheduler.schedules.runs(call.id, min(call.query.limit, call.settings.max_page))
    return Answer({"schedule_id": call.id, "runs": [serializers.run(one) for one in found]})


def get_upcoming(call: Call[LimitQuery, None]) -> Answer:
    """When the next runs of a schedule are due."""
    found = call.scheduler.schedules[call.id].upcoming(min(call.query.limit, call.settings.max_preview))
    return Answer({"upcoming": [serializers.iso(at) for at in found]})


def explain_run(call: Call[ExplainQuery, None]) -> Answer:
    """Why a schedule, a run or a one-off ran at a time, or did not."""
    found = call.scheduler.schedules.explain(call.id, _when(call.query.at), call.query.timezone)
    return Answer(explain.serialize(found))


def preview_schedule(call: Call[PreviewQuery, dict[str, Any]]) -> Answer:
    """When a definition would be due that is not put."""
    given = {"func": "preview.only", **call.body}
    given.pop("id", None)
    definition = schedule_from("preview", given)
    count = min(call.query.count, call.settings.max_preview)
    return Answer({"upcoming": [serializers.iso(at) for at in definition.upcoming(count, call.query.after)]})


# Below the calls


def _patch(call: Call[NoQuery, dict[str, Any]], version: int | None, *, merging: bool = True) -> StoredSchedule:
    schedules = call.scheduler.schedules
    stored, called = schedules[call.id], schedules.called(call.id)
    if version not in (None, called.version):
        raise VersionConflict(f"schedule {call.id!r} is at version {called.version}, not {version}: read it again")
    _refuse(refusal(called.functions, None, call.settings.functions, ()))
    given = {name: value for name, value in call.body.items() if value is not None}
    whole = {"func": called.func, **({} if _says_when(given) else _when_of(stored)), **given}
    if merging and isinstance(given.get("trigger"), dict) and "type" not in given["trigger"]:
        whole["trigger"] = merged(_when_of(stored)["trigger"], given["trigger"])
    if merging and ("kwargs" in given or "meta" in given):
        definition = schedules.get(call.id, stored).definition
        for name in ("kwargs", "meta"):
            if isinstance(given.get(name), dict):
                whole[name] = merged(getattr(definition, name) or {}, given[name])
    _refuse(refused_fields(whole))
    made = schedule_from(call.id, whole)
    names = [getattr(made, name) if name in call.body else called.callbacks.get(name) for name in CALLBACKS]
    functions = [str(name) for name in (made.func, *names) if name]
    queue = made.queue_name if "queue_name" in call.body else None
    _refuse(refusal(functions, queue, call.settings.functions, call.settings.allow_queues))
    changes = {name if name in made.__struct_fields__ else "trigger" for name in call.body if name != "timezone"}
    return schedules.update(call.id, version=called.version, **{name: getattr(made, name) for name in changes})


def merged(old: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """A merge patch applied (RFC 7396)."""
    result = dict(cast("dict[str, Any]", old)) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            nested = isinstance(value, dict)
            result[name] = merged(result.get(name), cast("dict[str, Any]", value)) if nested else value
    return result


def _says_when(given: dict[str, Any]) -> bool:
    return not given.keys().isdisjoint(("trigger", "cron", "every", "at", "rrule"))


def _when_of(stored: StoredSchedule) -> dict[str, Any]:
    return {"trigger": serialization.to_builtins(stored.trigger)}


def _again_if_changed(version: int | None, change: Callable[[], T]) -> T:
    """Makes a change anew where somebody else was faster, and nobody said of which version it is."""
    for _ in range(10):
        try:
            return change()
        except VersionConflict:
            if version is not None:
                raise
    return change()


def _check_stored(call: Call[Any, Any]) -> None:
    """A schedule that calls what may not be run here is not edited here, either."""
    called = call.scheduler.schedules.called(call.id)
    _refuse(refusal(called.functions, None, call.settings.functions, ()))


def _version(call: Call[Any, Any]) -> int | None:
    """The version that the headers ask for; 0 for none."""
    if call.headers.get("if-none-match", "").strip() == "*":
        return 0
    given = call.headers.get("if-match", "").strip()
    if not given:
        return None
    if given == "*":
        return call.scheduler.schedules[call.id].version
    text = given.removeprefix('"').removesuffix('"')
    if given != f'"{text}"' or not (text.isascii() and text.isdigit() and 0 < len(text) < 16):
        raise Refused(412, "version-conflict", "If-Match is no ETag of a schedule: give the one that came with it")
    return int(text)


def _tags(header: str) -> list[str]:
    return [each.strip().removeprefix("W/") for each in header.split(",")]


def _etag(stored: StoredSchedule) -> str:
    return f'"{stored.version}"'


def _shown(stored: StoredSchedule, status: int = 200) -> Answer:
    return Answer(serializers.schedule(stored), status, {"etag": _etag(stored)})


def _refuse(why: str | None) -> None:
    if why is not None:
        raise Refused(403, "not-allowed", why)


def _when(text: str | None) -> datetime | date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-01") else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(f"at={text!r:.60} is no moment: write 2026-12-24T18:00+01:00, or 2026-12-24") from None
