"""What is done to schedules, one or many: pause, resume, run now, backfill, delete. Never a toggle: two people who
press the same button want the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from rq_scheduler.client.schedules.arguments import Selection
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.views import serializers
from rq_scheduler.web.api.route import Answer, Call, NoQuery
from rq_scheduler.web.problems import Refused
from rq_scheduler.web.security.definitions import or_typed, refusal

Note = Annotated[str, Meta(max_length=500)]


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, and until when: a moment with its offset, or a length of time ("2h")."""

    note: Note = ""
    until: Annotated[str, Meta(max_length=60)] | None = None


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing."""


class RunNow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`force`: whatever overlap says."""

    force: bool = False


class Backfill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run for every instant of [since, until); at most `limit`."""

    since: datetime
    until: datetime
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done, to which schedules: those that fit all that is given, or `everything`. `dry_run` counts them."""

    action: Literal["pause", "resume", "run_now", "delete"]
    tag: str | None = None
    owner: str | None = None
    queue_name: str | None = None
    prefix: str | None = None
    everything: bool = False
    note: Note = ""
    until: Annotated[str, Meta(max_length=60)] | None = None
    all_pauses: bool = False
    force: bool = False
    dry_run: bool = False


def pause_schedule(call: Call[NoQuery, Pause]) -> Answer:
    """No run until it is resumed, or until a time."""
    stored = call.scheduler.schedules.pause(call.id, call.body.note, _until(call.body.until))
    return Answer(serializers.schedule(stored))


def resume_schedule(call: Call[NoQuery, Empty]) -> Answer:
    """Let a paused schedule fire again."""
    return Answer(serializers.schedule(call.scheduler.schedules.resume(call.id)))


def run_schedule(call: Call[NoQuery, RunNow]) -> Answer:
    """One run now, whatever the trigger says."""
    _check(call, call.id, "run-now", call.id)
    job = call.scheduler.schedules.run_now(call.id, call.body.force)
    return Answer({"schedule_id": call.id, "job_id": None if job is None else job.id}, 200 if job is None else 201)


def backfill_schedule(call: Call[NoQuery, Backfill]) -> Answer:
    """A run for every instant of a time that has passed, each once, also if asked twice."""
    body = call.body
    since, until = (at.isoformat(timespec="seconds") for at in (body.since, body.until))
    _check(call, call.id, "backfill", call.id, "--since", since, "--until", until)
    limit = min(body.limit, call.settings.max_backfill)
    made = call.scheduler.schedules.backfill(call.id, body.since, body.until, limit)
    shown = {"since": serializers.iso(body.since), "until": serializers.iso(body.until), "job_ids": made}
    return Answer({"schedule_id": call.id, **shown}, 201 if made else 200)


def change_many(call: Call[NoQuery, Bulk]) -> Answer:
    """Pause, resume, run or delete many schedules. Each is changed by itself; where some cannot be, the problem names
    them, and the others are."""
    body, schedules = call.body, call.scheduler.schedules
    selection: Selection = {"tag": body.tag, "owner": body.owner, "queue_name": body.queue_name, "prefix": body.prefix}
    if body.everything:
        selection = {"everything": True, **selection}
    count = schedules.count(paused=True if body.action == "resume" else None, **selection)
    if body.dry_run:
        return Answer({"count": count, "dry_run": True})
    if count > call.settings.max_bulk:
        raise InvalidArgument(
            f"these are {count:,} schedules, and one request changes {call.settings.max_bulk:,} at most: choose fewer"
        )
    actions: dict[str, Callable[[], int]] = {
        "pause": lambda: schedules.pause_all(body.note, _until(body.until), **selection),
        "resume": lambda: schedules.resume_all(all_pauses=body.all_pauses, **selection),
        "run_now": lambda: _run_all(call, selection),
        "delete": lambda: schedules.delete_all(**selection),
    }
    return Answer({"count": actions[body.action](), "dry_run": False})


# Below the calls


def _until(text: str | None) -> datetime | str | None:
    """A moment; or a length of time, which the API reads."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _run_all(call: Call[NoQuery, Bulk], selection: Selection) -> int:
    """All of them may be run, or none is."""
    schedules = call.scheduler.schedules
    chosen: dict[str, Any] = {name: value for name, value in selection.items() if name != "everything"}
    ids = [stored.id for stored in schedules.find_iter(**chosen) if stored.kind == "schedule"]
    for id in ids:
        _check(call, id, "run-now", id)
    return sum(schedules.run_now(id, call.body.force) is not None for id in ids)


def _check(call: Call[Any, Any], id: str, *command: str) -> None:
    why = refusal(call.scheduler.schedules.called(id).functions, None, call.settings.functions, ())
    if why is not None:
        raise Refused(403, "not-allowed", or_typed(f"schedule {id!r} cannot be run here: {why}", *command))
