"""**Why**: why a schedule, a run or a one-off ran at a time, or did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from shlex import quote, split

from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules import Run, StoredSchedule
from rq_scheduler.client.schedules.explain import Explanation, Fact
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.client.schedules.nearest import nearest_ids
from rq_scheduler.clock import in_zone, to_us
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.explain import known_words
from rq_scheduler.views.marks import kind_of_run, outcome_words
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.standing import standing
from rq_scheduler.web.pages.page import Asked, Shown
from rq_scheduler.web.pages.what_follows import Follows, what_follows

__all__ = ["ask", "of_schedule"]

_NEIGHBOURS = 8
_AFFECTED = 6
"""Schedules that are named for one cause."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain. `broken`: the run did not get past it."""

    fact: Fact
    kind: str
    at: str
    known: str
    broken: bool


@dataclass(frozen=True, slots=True)
class Actions:
    """What is offered: whether resuming, a run now; the job to stop, or whose traceback is to be read; the version to
    undo. refused: why neither a run nor an undo is, where this site may not run what it calls."""

    resume: bool = False
    run: bool = False
    stop: str = ""
    traceback: str = ""
    undo: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """The page's value. found is None as long as nothing was asked. others: runs to look at instead: where to, and in
    what words. queue: the one in which it waits for a worker that is missing; affected: other schedules of that queue,
    likewise. follows: what becomes of this run and of the next. meant: ids of schedules that may have been meant.
    clock: the zone whose clock the answer tells. before, after: the times of its instants beside this one."""

    id: str
    at: str
    found: Explanation | None = None
    chain: Sequence[Link] = ()
    otherwise: str = ""
    others: Sequence[tuple[str, str, str]] = ()
    queue: str = ""
    affected: Sequence[tuple[str, str, str]] = ()
    follows: Sequence[Follows] = ()
    is_schedule: bool = False
    refused: str = ""
    command: str = field(default="")
    meant: Sequence[str] = ()
    clock: str = ""
    actions: Actions = field(default_factory=lambda: Actions())
    before: str = ""
    after: str = ""


def ask(asked: Asked) -> Shown:
    """The page for any id: `/why?id=...&at=...`."""
    id = asked.query.get("id", "").strip()[:400]
    return _shown(asked, id) if id else Shown("why.html", "Why?", Why("", asked.query.get("at", "")[:40]))


def of_schedule(asked: Asked) -> Shown:
    """The page of one schedule."""
    return _shown(asked, asked.id)


def _shown(asked: Asked, id: str) -> Shown:
    given = asked.query.get("at", "").strip()[:60]
    try:
        at = _moment(given, asked)
        found = asked.scheduler.schedules.explain(id, at, asked.zone)
    except SchedulerError as error:
        return Shown("why.html", "Why?", Why(id, given, refused=str(error)), 422)
    schedules = asked.scheduler.schedules
    stored = schedules.get(found.id)
    runs = schedules.runs_of([found.id], _NEIGHBOURS)[found.id]
    shown = "" if found.at is None else in_zone(found.at, asked.tz).replace(tzinfo=None).isoformat(timespec="seconds")
    command = f"rqscheduler why {quote(id)}"
    if found.at is not None:
        command += f" --at {in_zone(found.at, asked.tz).isoformat()}"
    own = Times(found.timezone, found.at or asked.now, asked.now)
    before, after = _beside(stored, found.at)
    queue = _named([one.command for one in found.remedies], "rq worker ")
    is_unknown = found.cause == "not_recorded" and found.at is None and stored is None
    return Shown(
        "why.html",
        f"Why? {id[:60]}",
        Why(
            id=id,
            at=shown,
            found=found,
            chain=[_link(fact, own) for fact in found.facts],
            otherwise=found.otherwise,
            others=[_other(run, found, asked) for run in runs],
            queue=queue,
            affected=_affected(queue, found.id, asked) if queue else (),
            follows=what_follows(found, stored, runs, asked),
            is_schedule=bool(runs) or stored is not None,
            command=command,
            meant=nearest_ids(context_of(asked.scheduler).store, id) if is_unknown else (),
            clock=found.timezone,
            actions=_actions(found, stored, runs, asked),
            before=before,
            after=after,
        ),
    )


_RUN_HELPS = frozenset(
    {"excluded", "missed", "failed", "stopped", "canceled", "expired", "deleted", "lost", "not_recorded", "moved"}
)
"""Causes after which another run may be wanted, and can be made."""


def _actions(found: Explanation, stored: StoredSchedule | None, runs: Sequence[Run], asked: Asked) -> Actions:
    """What helps, as far as this site does it."""
    commands = [one.command for one in found.remedies]
    stops = _named(commands, "rqscheduler jobs stop ")
    traceback = "" if asked.hides_arguments else _named(commands, "rqscheduler jobs traceback ")
    if stored is None or stored.kind != "schedule":
        return Actions(stop=stops, traceback=traceback)
    refused, undo = asked.refusal(stored.func), ""
    if any(command.startswith("rqscheduler undo ") for command in commands):
        undo = str(stored.version)
        versions = asked.scheduler.schedules.versions(stored.id)
        refused = asked.refusal(versions[1].func if len(versions) > 1 else stored.func) or refused
    goes_on = any(kind_of_run(run) in ("running", "waiting") for run in runs[:1])
    run = found.cause in _RUN_HELPS and not goes_on and not stored.cannot_run
    return Actions(
        resume=stored.paused and not stored.cannot_run and found.cause in ("paused", "quarantined"),
        run=run and not refused,
        stop=stops,
        traceback=traceback,
        undo="" if refused else undo,
        refused=refused if run or undo else "",
    )


def _named(commands: Sequence[str], begins: str) -> str:
    """The job or the queue that such a command names; empty where none is among them."""
    return next((split(command)[-1] for command in commands if command.startswith(begins)), "")


def _beside(stored: StoredSchedule | None, at: datetime | None) -> tuple[str, str]:
    """The times that its trigger names before and after this one, days off included."""
    if stored is None or stored.trigger is None or at is None:
        return "", ""
    trigger = stored.trigger.anchored(to_us(stored.next_run_at or at))
    try:
        return iso(trigger.last_before(at)) or "", iso(trigger.next_after(at)) or ""
    except SchedulerError:  # too much work
        return "", ""


def _moment(text: str, asked: Asked) -> datetime | date | None:
    """A moment of the form's, which is by the reader's clock; or with its offset; or a day."""
    if not text:
        return None
    try:
        if len(text) == len("2026-01-01"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(f"at={text!r:.60} is no moment: write 2026-12-24T18:00, or 2026-12-24") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=asked.tz)


def _link(fact: Fact, times: Times) -> Link:
    broken = fact.holds is False
    kind = "ok" if fact.holds else "failed" if broken else "waiting"
    at = "" if fact.at is None else times.short(whole_second(fact.at))
    return Link(fact, kind, at, known_words(fact), broken)


def _other(run: Run, found: Explanation, asked: Asked) -> tuple[str, str, str]:
    times = Times(found.timezone, asked.now, asked.now)
    words = f"{times.short(whole_second(run.nominal))}, {outcome_words(run)}"
    return asked.link("schedules", found.id, "why", at=iso(run.nominal)), words, kind_of_run(run)


def _affected(queue: str, id: str, asked: Asked) -> list[tuple[str, str, str]]:
    """Other schedules of a queue: where to, which, and how it stands."""
    found = asked.scheduler.schedules.find(queue_name=queue, limit=_AFFECTED + 1)
    others = [(one.id, *standing(one)) for one in found if one.id != id][:_AFFECTED]
    return [(asked.link("schedules", other), f"{other}, {word.lower()}", kind) for other, kind, word in others]
