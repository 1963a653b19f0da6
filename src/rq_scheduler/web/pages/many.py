"""Many schedules at once: those that are ticked in the list, or all that fit what is looked for. What is done is done
to exactly those that the page asked about: where others fit by now, it asks again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules.arguments import filter_of
from rq_scheduler.errors import IdTaken, InvalidArgument, ScheduleNotFound, SchedulerError
from rq_scheduler.humanize import counted
from rq_scheduler.web.api.control import RunNow, run_schedule
from rq_scheduler.web.api.schedules import delete_schedule
from rq_scheduler.web.pages.forms import Partly, call_of, done_or_said, until_of
from rq_scheduler.web.pages.page import Asked, Shown, Went
from rq_scheduler.web.problems import Refused

__all__ = ["ask", "do"]

_WORDS: Final = {
    "pause": ("Pause", "paused"),
    "resume": ("Resume", "resumed"),
    "run_now": ("Run", "run"),
    "delete": ("Delete", "deleted"),
}
_FILTERS: Final = {"tag": "tag", "queue": "queue_name", "owner": "owner", "prefix": "prefix", "state": "state"}
_STATES: Final = ("failing", "late", "running", "paused")
_GONE: Final = "there is no {} (any more)"
_RECURS: Final = "{} recurs by the 0.14 API, and is changed in the application; here it can be cancelled"
_MOST_TICKED = 100
_A_PAGE = 3_000
"""Ids that are found together."""

_NAMED = 3
"""Schedules that could not be changed, that are named."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The page's value: what is asked, of those that are ticked (`ids`), or of all that fit; `of` stands for those."""

    action: str
    words: str
    ids: Sequence[str]
    filters: Mapping[str, str]
    of: str
    texts: Mapping[str, str] = field(default_factory=lambda: {"note": "", "until": ""})


def ask(asked: Asked) -> Shown:
    """What is to be done to how many."""
    action = asked.query.get("action", "")
    if action not in _WORDS:
        raise Refused(404, "not-found", "nothing is at this address")
    raw = asked.request.scope["query_string"].decode("latin-1")
    ticked = list(dict.fromkeys(value for name, value in parse_qsl(raw)[:_MOST_TICKED] if name == "id"))
    filters = {} if ticked else _filters(asked.query)
    ids = ticked or _fitting(asked, filters)
    if not ids:
        raise InvalidArgument("no schedule is like that (any more)")
    words = f"{_WORDS[action][0]} {counted(len(ids), 'schedule', 'schedules')}"
    return Shown("bulk.html", words, Ask(action, words, ticked, filters, _stands_for(ids)))


def do(asked: Asked) -> Went:
    """Does it; pausing and deleting many ask first."""
    action, ticked = asked.form.get("action", ""), list(asked.chosen[:_MOST_TICKED])
    if action not in _WORDS:
        raise Refused(400, "bad-form", "the form says nothing that is done here")
    filters = {} if ticked else _filters(asked.form)
    page = asked.link("schedules")
    if not ticked and not filters:
        return Went(page, "Nothing was chosen: tick what is meant.", wrong=True)
    question = asked.link("bulk", action=action, **filters) + "".join(f"&id={quote(id, safe='')}" for id in ticked)
    if "sure" not in asked.form and (filters or action in ("pause", "delete")):
        return Went(question)
    ids = ticked or _fitting(asked, filters)

    def act() -> str:
        if filters and asked.form.get("of") != _stands_for(ids):
            raise InvalidArgument(
                f"{counted(len(ids), 'schedule fits', 'schedules fit')} by now, and not just what was asked about: "
                "look for them again"
            )
        if action in ("pause", "resume"):
            return _together(asked, action, ids, ticked=bool(ticked))
        return _to_each(asked, action, ids)

    if action in ("pause", "resume"):
        return done_or_said(asked, page, act)
    there = asked.scheduler.schedules
    return done_or_said(asked, page, act, once=True, again=lambda: action == "delete" and any(map(there.get, ids)))


# Below the pages


def _filters(given: Mapping[str, str]) -> dict[str, str]:
    """As the address of the list has them."""
    found = {name: value for name in _FILTERS if (value := given.get(name, "").strip()[:400])}
    return found if found.get("state", _STATES[0]) in _STATES else {}


def _fitting(asked: Asked, filters: Mapping[str, str]) -> list[str]:
    """The ids of all that fit, as the list shows them. Raises InvalidArgument for none, and for too many."""
    if not filters:
        raise InvalidArgument("nothing was chosen: tick schedules, or look for some")
    wanted: dict[str, Any] = dict.fromkeys(_FILTERS.values()) | {_FILTERS[name]: filters[name] for name in filters}
    paused = wanted["state"] == "paused" or None
    wanted |= {"paused": paused, "state": None if paused else wanted["state"]}
    most = asked.service.settings.max_bulk
    pages = context_of(asked.scheduler).store.find_schedules(filter_of(**wanted), limit=most + 1, page=_A_PAGE)
    ids = list(chain.from_iterable(pages))
    if len(ids) > most:
        raise InvalidArgument(f"these are more than {most:,} schedules, which are too many at once: choose fewer")
    return ids


def _stands_for(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def _together(asked: Asked, action: str, ids: Sequence[str], *, ticked: bool) -> str:
    """Pauses or resumes them, and says of how many that was nothing, and which could not be."""
    schedules = asked.scheduler.schedules
    if action == "pause":
        until = until_of(asked)
        if until is not None and until <= asked.now:
            raise InvalidArgument("that time has passed: give a moment to come, or none")
        done = schedules.pause_all(asked.form.get("note", "")[:500], until, ids=ids)
        left = "paused before, by a person or by itself"
    else:
        done = schedules.resume_all(all_pauses=ticked or "all_pauses" in asked.form, ids=ids)
        left = "not paused, or not together with others"
    kinds = {stored.id: stored.kind for stored in schedules.read(ids[:_MOST_TICKED])} if done < len(ids) else {}
    refused = [_GONE.format(id) for id in ids[: len(kinds) and _MOST_TICKED] if id not in kinds]
    refused += [_RECURS.format(id) for id, kind in kinds.items() if kind == "job"]
    rest = len(ids) - done - len(refused)
    said = _done(action, done) + (f" {counted(rest, 'stays', 'stay')} as before: {left}." if rest else "")
    if refused:
        raise Partly(f"{said} {_not_done(refused)}")
    return said


def _to_each(asked: Asked, action: str, ids: Sequence[str]) -> str:
    """Runs or deletes each; says of how many, and of the others why not."""
    done, refused = 0, list[str]()
    for id in ids:
        try:
            if action == "run_now":
                run_schedule(call_of(asked, id, RunNow()))
            else:
                delete_schedule(call_of(asked, id, None))
            done += 1
        except ScheduleNotFound:
            refused.append(_GONE.format(id))
        except IdTaken:
            refused.append(_RECURS.format(id))
        except (SchedulerError, Refused) as error:
            refused.append(f"{id}: {error}")
    if not refused:
        return _done(action, done)
    if not done:
        raise InvalidArgument(_reasons(refused))
    raise Partly(f"{_done(action, done)} {_not_done(refused)}")


def _not_done(refused: Sequence[str]) -> str:
    return f"{len(refused)} could not be: {_reasons(refused)}"


def _reasons(refused: Sequence[str]) -> str:
    more = f"; and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
    return "; ".join(refused[:_NAMED]) + more


def _done(action: str, count: int) -> str:
    return f"{counted(count, 'schedule is', 'schedules are')} {_WORDS[action][1]}."
