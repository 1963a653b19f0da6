"""**Why**: why a schedule, a run or a one-off ran at a time, or did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from shlex import quote

from rq_scheduler.client.schedules import Run
from rq_scheduler.client.schedules.explain import Explanation, Fact
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.explain import known_words
from rq_scheduler.views.marks import kind_of_run, outcome_words
from rq_scheduler.views.serializers import iso
from rq_scheduler.web.pages.page import Asked, Shown

__all__ = ["ask", "of_schedule"]

_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain. `broken`: the run did not get past it."""

    fact: Fact
    kind: str
    at: str
    known: str
    broken: bool


@dataclass(frozen=True, slots=True)
class Why:
    """The page's value. found is None as long as nothing was asked. others: runs to look at instead: where to, and in
    what words."""

    id: str
    at: str
    found: Explanation | None = None
    chain: Sequence[Link] = ()
    otherwise: str = ""
    others: Sequence[tuple[str, str, str]] = ()
    is_schedule: bool = False
    refused: str = ""
    command: str = field(default="")


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
    runs = asked.scheduler.schedules.runs_of([found.id], _NEIGHBOURS)[found.id]
    shown = "" if found.at is None else found.at.astimezone(asked.tz).replace(tzinfo=None).isoformat(timespec="seconds")
    command = f"rqscheduler why {quote(id)}"
    if found.at is not None:
        command += f" --at {found.at.astimezone(asked.tz).isoformat()}"
    return Shown(
        "why.html",
        f"Why? {id[:60]}",
        Why(
            id=id,
            at=shown,
            found=found,
            chain=[_link(fact, asked) for fact in found.facts],
            otherwise=found.otherwise,
            others=[_other(run, found.id, asked) for run in runs],
            is_schedule=bool(runs) or asked.scheduler.schedules.get(found.id) is not None,
            command=command,
        ),
    )


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


def _link(fact: Fact, asked: Asked) -> Link:
    broken = fact.holds is False
    kind = "ok" if fact.holds else "failed" if broken else "waiting"
    at = "" if fact.at is None else asked.times.short(whole_second(fact.at))
    return Link(fact, kind, at, known_words(fact), broken)


def _other(run: Run, id: str, asked: Asked) -> tuple[str, str, str]:
    words = f"{asked.times.short(whole_second(run.nominal))}, {outcome_words(run)}"
    return asked.link("schedules", id, "why", at=iso(run.nominal)), words, kind_of_run(run)
