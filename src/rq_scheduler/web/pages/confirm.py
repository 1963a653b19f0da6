"""Pages that ask before something is done: pause with a note and until, backfill, delete, stop, empty into another
queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import join, quote

from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.store.survey import Survey
from rq_scheduler.views.details import whole_second
from rq_scheduler.web.api.jobs import refusal_to_move
from rq_scheduler.web.pages.actions import functions_of
from rq_scheduler.web.pages.page import Asked, Shown

__all__ = ["ask_backfill", "ask_delete", "ask_move_queue", "ask_pause", "ask_stop"]

_COMING = 5
"""Instants that are named of one that is to be paused."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: `action` of a schedule. refused: why this site may not run it; coming: its next instants; texts:
    what the form was sent with, and refused."""

    action: str
    words: str
    stored: StoredSchedule
    refused: str = ""
    coming: Sequence[str] = ()
    texts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class AskQueue:
    """Of a queue whose jobs are to go elsewhere: how many wait in it, how many workers it has; others: the queues that
    have workers and may be used by way of the web, and how many, those with the most first. command: what starts a
    worker for it; typed: what moves them to one that has workers and may not be used from here, if there is one."""

    name: str
    waiting: int
    workers: int
    others: Sequence[tuple[str, int]]
    command: str
    typed: str


def ask_pause(asked: Asked) -> Shown:
    """Until when, and why. What a refused form had is in the address."""
    return _one(asked, "pause", "pause.html")


def ask_backfill(asked: Asked) -> Shown:
    """Of which time."""
    return _one(asked, "backfill", "backfill.html")


def ask_delete(asked: Asked) -> Shown:
    """Whether it is meant."""
    return _one(asked, "delete", "delete.html")


def ask_stop(asked: Asked) -> Shown:
    """Whether that run is to be ended."""
    return Shown("stop.html", f"Stop {asked.id[:100]}", {"id": asked.id})


def ask_move_queue(asked: Asked) -> Shown:
    """To which queue, of those that somebody serves and this site may use."""
    store = context_of(asked.scheduler).store
    heard = Survey(store.connection, store.keys).listened_queues()
    here = heard.pop(asked.id, 0)
    served = sorted(heard.items(), key=lambda pair: (-pair[1], pair[0]))
    settings = asked.service.settings
    others = [pair for pair in served if refusal_to_move(asked.scheduler, pair[0], settings) is None]
    typed = join(["rqscheduler", "jobs", "move-queue", asked.id, served[0][0]]) if served and not others else ""
    waiting = store.queue_trace(asked.id).length
    ask = AskQueue(asked.id, waiting, here, others, f"rq worker {quote(asked.id)}", typed)
    return Shown("move-queue.html", f"Move the jobs of {asked.id[:100]}", ask)


# Below the pages


def _one(asked: Asked, action: str, template: str) -> Shown:
    stored = asked.scheduler.schedules[asked.id]
    words = f"{action.capitalize()} {stored.id[:100]}"
    functions = functions_of(asked, stored.id) if action != "pause" else ()
    coming = [asked.times.short(whole_second(at)) for at in stored.upcoming(_COMING)] if action == "pause" else ()
    texts = {name: asked.query.get(name, "")[:500] for name in ("note", "since", "until")}
    return Shown(
        template, words, Ask(action, words, stored, refused=asked.refusal(*functions), coming=coming, texts=texts)
    )
