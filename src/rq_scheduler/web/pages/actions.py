"""What the forms do. Each goes through the call of the HTTP API that does the same, with its checks; what was done is
said on the page that follows, and stands in the audit with the visitor's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.humanize import counted
from rq_scheduler.views.details import whole_second
from rq_scheduler.web.api import jobs, schedules
from rq_scheduler.web.api.control import (
    Backfill,
    Empty,
    Pause,
    RunNow,
    backfill_schedule,
    pause_schedule,
    resume_schedule,
    run_schedule,
)
from rq_scheduler.web.api.once import Once
from rq_scheduler.web.api.route import Answer, Call, NoQuery
from rq_scheduler.web.pages.login import own_path
from rq_scheduler.web.pages.page import Asked, Shown, Went
from rq_scheduler.web.problems import Refused

__all__ = [
    "back_to",
    "backfill",
    "call_of",
    "cancel_job",
    "delete",
    "done_or_said",
    "moment_of",
    "move_job",
    "pause",
    "purge",
    "resume",
    "retry",
    "run_job_now",
    "run_now",
    "stop_run",
    "undo",
    "until_of",
]

B = TypeVar("B")

_MAX_NOTE = 500


def call_of(asked: Asked, id: str, body: B) -> Call[NoQuery, B]:
    """The call of the API that a form makes."""
    return Call(asked.scheduler, asked.service.settings, asked.visitor, id, NoQuery(), body, {})


def back_to(asked: Asked, *parts: str) -> str:
    """Where the form was sent from; or that page of ours."""
    given = asked.form.get("back")
    return asked.link(*parts) if given is None else asked.link().removesuffix("/") + own_path(given)


def done_or_said(asked: Asked, to: str, do: Callable[[], str]) -> Went:
    """Does it, and leads there with what it says; or with why it was refused."""
    try:
        return Went(to, do())
    except (SchedulerError, Refused, msgspec.ValidationError) as error:
        return Went(to, f"Nothing was done: {error}", wrong=True)


def pause(asked: Asked) -> Went:
    """Pause it, with the note and until when, if they are given."""

    def do() -> str:
        until = until_of(asked)
        note = asked.form.get("note", "")[:_MAX_NOTE]
        pause_schedule(call_of(asked, asked.id, Pause(note, None if until is None else until.isoformat())))
        ends = "until it is resumed" if until is None else f"until {said_at(until, asked)}"
        return f"{asked.id} is paused {ends}."

    return done_or_said(asked, back_to(asked, "schedules", asked.id), do)


def resume(asked: Asked) -> Went:
    """Let it fire again."""

    def do() -> str:
        resume_schedule(call_of(asked, asked.id, Empty()))
        due = asked.scheduler.schedules[asked.id].next_run_at
        next_run = "" if due is None else f"; its next run is due {said_at(due, asked, on=True)}"
        return f"{asked.id} fires again{next_run}."

    return done_or_said(asked, back_to(asked, "schedules", asked.id), do)


def run_now(asked: Asked) -> Went:
    """One run now; of a form that is sent twice, one."""

    def do() -> str:
        answer = _once(asked, lambda: run_schedule(call_of(asked, asked.id, RunNow(force="force" in asked.form))))
        if answer.body["job_id"] is None:
            return f"{asked.id} was not run: its last run is still going, and its overlap says to wait or to skip."
        return f"{asked.id} runs now, as job {answer.body['job_id']}."

    return done_or_said(asked, back_to(asked, "schedules", asked.id), do)


def backfill(asked: Asked) -> Went:
    """A run for every instant of a time that has passed."""
    page = asked.link("schedules", asked.id)

    def do() -> str:
        since, until = (_needed(asked, name) for name in ("since", "until"))
        answer = _once(asked, lambda: backfill_schedule(call_of(asked, asked.id, Backfill(since, until))))
        made = len(answer.body["job_ids"])
        if not made:
            return f"{asked.id} had no instant in that time that has not run already."
        return f"{counted(made, 'run', 'runs')} of {asked.id} were made, the oldest first."

    return done_or_said(asked, page, do)


def delete(asked: Asked) -> Went:
    """Delete it, and its history."""

    def do() -> str:
        schedules.delete_schedule(call_of(asked, asked.id, None))
        return f"{asked.id} is deleted. The audit brings it back (Undo), without its history."

    return done_or_said(asked, asked.link("schedules"), do)


def undo(asked: Asked) -> Went:
    """Put back the definition of before a version."""

    def do() -> str:
        number = asked.form.get("version", "")
        if not (number.isascii() and number.isdigit() and 0 < len(number) < 10):
            raise InvalidArgument("the form says no version: load the page again")
        schedules.undo_schedule(call_of(asked, asked.id, schedules.Undo(int(number))))
        version = asked.scheduler.schedules[asked.id].version
        return f"Version {number} of {asked.id} is undone. It is at version {version} now, which can be undone in turn."

    return done_or_said(asked, back_to(asked, "schedules", asked.id), do)


def cancel_job(asked: Asked) -> Went:
    """Take a one-off off the schedule."""

    def do() -> str:
        jobs.cancel_job(call_of(asked, asked.id, None))
        return f"{asked.id} is cancelled, and will not run."

    return done_or_said(asked, asked.link("jobs"), do)


def move_job(asked: Asked) -> Went:
    """Move a one-off to another time."""

    def do() -> str:
        when = _needed(asked, "when")
        jobs.move_job(call_of(asked, asked.id, jobs.Move(when)))
        return f"{asked.id} is due {said_at(when, asked, on=True)} now."

    return done_or_said(asked, asked.link("jobs", asked.id), do)


def run_job_now(asked: Asked) -> Went:
    """Have a one-off handed off at once."""

    def do() -> str:
        jobs.move_job(call_of(asked, asked.id, jobs.Move(asked.now)))
        return f"{asked.id} is due now: the next dispatcher that looks hands it off."

    return done_or_said(asked, back_to(asked, "jobs"), do)


def stop_run(asked: Asked) -> Went:
    """End a run."""

    def do() -> str:
        how = jobs.stop_run(call_of(asked, asked.id, Empty())).body["done"]
        if how == "asked":
            return f"The worker of {asked.id} is asked to stop it, which takes it a second."
        return f"{asked.id} is canceled: it had not begun."

    return done_or_said(asked, back_to(asked), do)


def retry(asked: Asked) -> Went:
    """Put what is chosen in quarantine back where it came from."""

    def do() -> str:
        return _each(asked, lambda one: jobs.retry_held(call_of(asked, one, Empty())), "is back", "are back")

    return done_or_said(asked, back_to(asked, "quarantine"), do)


def purge(asked: Asked) -> Shown | Went:
    """Forget what is chosen in quarantine; asks first, since that cannot be taken back."""
    if "sure" not in asked.form and asked.chosen:
        words = f"Purge {counted(len(asked.chosen), 'entry', 'entries')}"
        return Shown("purge.html", words, {"words": words, "ids": asked.chosen})

    def do() -> str:
        return _each(asked, lambda one: jobs.purge_held(call_of(asked, one, None)), "is forgotten", "are forgotten")

    return done_or_said(asked, asked.link("quarantine"), do)


# What is said, and what forms say


def said_at(at: datetime, asked: Asked, *, on: bool = False) -> str:
    """A moment by the reader's clock; within a sentence if `on`."""
    times: Times = asked.times
    return times.on(whole_second(at)) if on else times.short(whole_second(at))


def until_of(asked: Asked) -> datetime | None:
    """The end of a pause that a form asks for; None for none."""
    return moment_of(asked, "until")


def moment_of(asked: Asked, name: str, given: Mapping[str, str] | None = None) -> datetime | None:
    """A moment of a form (or of what is `given`), by the reader's clock. Raises InvalidArgument for what is none."""
    text = (asked.form if given is None else given).get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text[:60])
    except ValueError:
        raise InvalidArgument(f"{name}={text!r:.60} is no moment: write 2026-12-24T18:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=asked.tz)


def _needed(asked: Asked, name: str) -> datetime:
    moment = moment_of(asked, name)
    if moment is None:
        raise InvalidArgument(f"{name} is missing: give a moment, such as 2026-12-24T18:00")
    return moment


def _once(asked: Asked, call: Callable[[], Answer]) -> Answer:
    """For a form that must not be done twice: the page gave it a name of its own."""
    once = Once(context_of(asked.service.scheduler))
    key = asked.form.get("once") or None
    return once.do(asked.visitor.actor, f"page {asked.id}", key, repr(sorted(asked.form.items())).encode(), call)


def _each(asked: Asked, do: Callable[[str], Any], one: str, many: str) -> str:
    """Does it to each that is chosen; says what was done, and why not where it was not."""
    only = asked.query.get("only", "")
    ids = [only] if only else list(asked.chosen)
    if not ids:
        raise InvalidArgument("nothing was chosen: tick what is meant")
    done: list[str] = []
    refused: list[str] = []
    for id in ids:
        try:
            do(id)
            done.append(id)
        except (SchedulerError, Refused) as error:
            refused.append(f"{id}: {error}")
    said = f"{done[0]} {one}." if len(done) == 1 else f"{counted(len(done), 'entry', 'entries')} {many}."
    if refused and not done:
        raise InvalidArgument("; ".join(refused[:3]))
    return said + (f" {len(refused)} stay: {'; '.join(refused[:3])}" if refused else "")
