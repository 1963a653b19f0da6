"""Pages that ask before something is done: pause with a note and until, backfill, delete, and the same of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.humanize import counted
from rq_scheduler.web.api.control import Bulk, Empty, Pause, RunNow, change_many, pause_schedule, resume_schedule
from rq_scheduler.web.api.control import run_schedule as run_one
from rq_scheduler.web.api.schedules import delete_schedule
from rq_scheduler.web.pages.actions import call_of, done_or_said, until_of
from rq_scheduler.web.pages.page import Asked, Shown, Went
from rq_scheduler.web.problems import Refused

__all__ = ["ask_backfill", "ask_bulk", "ask_delete", "ask_pause", "do_bulk"]

_WORDS: Final = {
    "pause": ("Pause", "paused"),
    "resume": ("Resume", "resumed"),
    "run_now": ("Run", "run"),
    "delete": ("Delete", "deleted"),
}
_FILTERS: Final = {"tag": "tag", "queue": "queue_name", "owner": "owner", "prefix": "prefix"}
_MOST = 100


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: `action` of one schedule, of those that are ticked, or of all that fit a filter."""

    action: str
    words: str
    stored: StoredSchedule | None = None
    ids: Sequence[str] = ()
    filters: Mapping[str, str] = field(default_factory=dict[str, str])
    count: int = 1


def ask_pause(asked: Asked) -> Shown:
    """Until when, and why."""
    return _one(asked, "pause", "pause.html")


def ask_backfill(asked: Asked) -> Shown:
    """Of which time."""
    return _one(asked, "backfill", "backfill.html")


def ask_delete(asked: Asked) -> Shown:
    """Whether it is meant."""
    return _one(asked, "delete", "delete.html")


def ask_bulk(asked: Asked) -> Shown:
    """What is to be done to how many."""
    action = asked.query.get("action", "")
    if action not in _WORDS:
        raise Refused(404, "not-found", "nothing is at this address")
    ids, filters = _ids(asked), _filters(asked.query)
    if ids:
        count = len(ids)
    elif filters:
        count = asked.scheduler.schedules.count(**_selection(filters))
    else:
        raise InvalidArgument("nothing was chosen: tick schedules, or look for some")
    words = f"{_WORDS[action][0]} {counted(count, 'schedule', 'schedules')}"
    return Shown("bulk.html", words, Ask(action, words, None, ids, filters, count))


def do_bulk(asked: Asked) -> Went:
    """Does it; pausing and deleting many ask first."""
    action, ids, filters = asked.form.get("action", ""), asked.chosen[:_MOST], _filters(asked.form)
    if action not in _WORDS:
        raise Refused(400, "bad-form", "the form says nothing that is done here")
    if action in ("pause", "delete") and "sure" not in asked.form:
        if not ids:
            return Went(asked.link("schedules"), "Nothing was chosen: tick what is meant.", wrong=True)
        return Went(asked.link("schedules", "bulk", action=action) + "".join(f"&id={quote(id, safe='')}" for id in ids))

    def do() -> str:
        if not ids and not filters:
            raise InvalidArgument("nothing was chosen: tick what is meant")
        count = _to_each(asked, action, ids) if ids else _to_all(asked, action, filters)
        return f"{counted(count, 'schedule is', 'schedules are')} {_WORDS[action][1]}."

    return done_or_said(asked, asked.link("schedules"), do)


# Below the pages


def _one(asked: Asked, action: str, template: str) -> Shown:
    stored = asked.scheduler.schedules[asked.id]
    words = f"{action.capitalize()} {stored.id[:100]}"
    return Shown(template, words, Ask(action, words, stored))


def _ids(asked: Asked) -> list[str]:
    """Those that the address names."""
    raw = asked.request.scope["query_string"].decode("latin-1")
    return list(dict.fromkeys(value for name, value in parse_qsl(raw)[:_MOST] if name == "id"))


def _filters(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name in _FILTERS if (value := given.get(name, "").strip())}


def _selection(filters: Mapping[str, str]) -> dict[str, Any]:
    return {_FILTERS[name]: value for name, value in filters.items()}


def _to_all(asked: Asked, action: str, filters: Mapping[str, str]) -> int:
    until = until_of(asked)
    body = Bulk(
        action=action,  # pyright: ignore[reportArgumentType]  one of _WORDS
        note=asked.form.get("note", "")[:500],
        until=None if until is None else until.isoformat(),
        all_pauses="all_pauses" in asked.form,
        **_selection(filters),
    )
    return int(change_many(call_of(asked, "", body)).body["count"])


def _to_each(asked: Asked, action: str, ids: Sequence[str]) -> int:
    until, note = until_of(asked), asked.form.get("note", "")[:500]
    done = 0
    refused: list[str] = []
    for id in ids:
        try:
            if action == "pause":
                pause_schedule(call_of(asked, id, Pause(note, None if until is None else until.isoformat())))
            elif action == "resume":
                resume_schedule(call_of(asked, id, Empty()))
            elif action == "run_now":
                run_one(call_of(asked, id, RunNow()))
            else:
                delete_schedule(call_of(asked, id, None))
            done += 1
        except (SchedulerError, Refused) as error:
            refused.append(f"{id}: {error}")
    if refused:
        raise SchedulerError(f"{len(refused)} could not be, {done} were: {'; '.join(refused[:3])}")
    return done
