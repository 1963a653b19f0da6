"""What the forms do. Each goes through the call of the HTTP API that does the same, with its checks; what was done is
said on the page that follows, and stands in the audit with the visitor's name."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.errors import IdTaken, InvalidArgument, SchedulerError
from rq_scheduler.humanize import counted
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.standing import left_out_words
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
from rq_scheduler.web.pages.forms import (
    back_to,
    call_of,
    done_or_said,
    needed_moment,
    said_at,
    until_of,
    wall_clock,
    zone_of_form,
)
from rq_scheduler.web.pages.look import unsealed
from rq_scheduler.web.pages.page import Asked, Shown, Went
from rq_scheduler.web.problems import Refused

__all__ = [
    "backfill",
    "cancel_job",
    "delete",
    "functions_of",
    "move_job",
    "move_queue",
    "pause",
    "purge",
    "resume",
    "retry",
    "run_job_now",
    "run_now",
    "stop_run",
    "undo",
]

_MAX_NOTE = 500


def functions_of(asked: Asked, id: str) -> list[str]:
    """What a schedule calls; nothing of a recurring job of the 0.14 API, which no undo brings back."""
    try:
        return asked.scheduler.schedules.called(id).functions
    except IdTaken:
        return []


def pause(asked: Asked) -> Went:
    """Pause it, with the note and until when, if they are given."""

    def do() -> str:
        until = until_of(asked)
        note = asked.form.get("note", "")[:_MAX_NOTE]
        if until is not None and until <= asked.now:
            raise InvalidArgument(f"{said_at(until, asked)} has passed: give a moment to come, or none")
        _refuse_other_pause(asked, asked.scheduler.schedules[asked.id], note, until)
        pause_schedule(call_of(asked, asked.id, Pause(note, None if until is None else until.isoformat())))
        if until is None:
            return f"{asked.id} is paused until it is resumed."
        stored = asked.scheduler.schedules[asked.id]
        said = f"{asked.id} is paused until {said_at(until, asked)}. {left_out_words(stored, until, asked.times)}"
        due = stored.next_run_after_pause
        return said if due is None else f"{said} Its next run is due {said_at(due, asked, on=True)}."

    went = done_or_said(asked, back_to(asked, "schedules", asked.id), do)
    if went.wrong and "asked" in asked.form:  # the form is shown again as it was filled in
        texts = {name: asked.form.get(name, "")[:_MAX_NOTE] or None for name in ("note", "until")}
        return replace(went, to=asked.link("schedules", asked.id, "pause", **texts))
    return went


def _refuse_other_pause(asked: Asked, stored: StoredSchedule, note: str, until: datetime | None) -> None:
    """A pause that the form's page did not show is not replaced; the same again is."""
    is_seen = asked.form.get("seen", "") == (iso(stored.paused_at) or "")
    is_the_same = (stored.paused_by, stored.note, stored.paused_until) == (asked.visitor.actor, note, until)
    if stored.paused and not is_seen and not is_the_same:
        raise _paused_meanwhile(asked, stored)


def _refuse_newer_pause(asked: Asked, stored: StoredSchedule) -> None:
    """A pause that came after the page was made with the button on it is not ended by that."""
    made = asked.form.get("made", "")
    if made and stored.paused and stored.paused_at is not None and (iso(stored.paused_at) or "") > made:
        raise _paused_meanwhile(asked, stored)


def _paused_meanwhile(asked: Asked, stored: StoredSchedule) -> Refused:
    by = stored.paused_by or "itself, for failures or a fault"
    ends = "" if stored.paused_until is None else f", until {said_at(stored.paused_until, asked)}"
    why = f" ({stored.note:.100})" if stored.note else ""
    return Refused(409, "paused", f"{stored.id} was paused meanwhile by {by}{ends}{why}, which stays as it is")


def resume(asked: Asked) -> Went:
    """Let it fire again."""

    def do() -> str:
        _refuse_newer_pause(asked, asked.scheduler.schedules[asked.id])
        resume_schedule(call_of(asked, asked.id, Empty()))
        due = asked.scheduler.schedules[asked.id].next_run_at
        next_run = "" if due is None else f"; its next run is due {said_at(due, asked, on=True)}"
        return f"{asked.id} fires again{next_run}."

    return done_or_said(asked, back_to(asked, "schedules", asked.id), do)


def run_now(asked: Asked) -> Went:
    """One run now; of a form that is sent twice, one."""

    def do() -> str:
        answer = run_schedule(call_of(asked, asked.id, RunNow(force="force" in asked.form)))
        if answer.body["job_id"] is None:
            return f"{asked.id} was not run: its last run is still going, and its overlap says to wait or to skip."
        return f"{asked.id} runs now, as job {answer.body['job_id']}."

    return done_or_said(asked, back_to(asked, "schedules", asked.id), do, once=True)


def backfill(asked: Asked) -> Went:
    """A run for every instant of a time that has passed."""
    page = asked.link("schedules", asked.id)

    def do() -> str:
        since, until = (needed_moment(asked, name) for name in ("since", "until"))
        answer = backfill_schedule(call_of(asked, asked.id, Backfill(since, until)))
        made = len(answer.body["job_ids"])
        if not made:
            return f"{asked.id} had no instant in that time that has not run already."
        return f"{counted(made, 'run', 'runs')} of {asked.id} were made, the oldest first."

    return done_or_said(asked, page, do, once=True)


def delete(asked: Asked) -> Went:
    """Delete it, and its history."""

    def do() -> str:
        refused = asked.refusal(*functions_of(asked, asked.id))
        schedules.delete_schedule(call_of(asked, asked.id, None))
        if refused:
            undo = shlex.join(["rqscheduler", "undo", asked.id])
            return f"{asked.id} is deleted. For 30 days its definition can be brought back from a terminal: {undo}"
        return f"{asked.id} is deleted. The audit brings it back (Undo), without its history."

    there = asked.scheduler.schedules
    return done_or_said(asked, asked.link("schedules"), do, once=True, again=lambda: asked.id in there)


def undo(asked: Asked) -> Went:
    """Put back the definition of before a version."""

    def do() -> str:
        number = asked.form.get("version", "")
        if not (number.isascii() and number.isdigit() and 0 < len(number) < 10):
            raise InvalidArgument("the form says no version: load the page again")
        schedules.undo_schedule(call_of(asked, asked.id, schedules.Undo(int(number))))
        version = asked.scheduler.schedules[asked.id].version
        return f"Version {number} of {asked.id} is undone. It is at version {version} now, which can be undone in turn."

    return done_or_said(asked, back_to(asked, "schedules", asked.id), do, once=True)


def cancel_job(asked: Asked) -> Went:
    """Take a one-off off the schedule."""

    def do() -> str:
        jobs.cancel_job(call_of(asked, asked.id, None))
        return f"{asked.id} is cancelled, and will not run."

    there = asked.scheduler.jobs
    return done_or_said(asked, asked.link("jobs"), do, once=True, again=lambda: there.get(asked.id) is not None)


def move_job(asked: Asked) -> Went:
    """Move a one-off to another time."""

    def do() -> str:
        job = asked.scheduler.jobs.get(asked.id)
        if job is not None and "due" in asked.form:
            is_due = said_at(job.due, asked, on=True)
            if asked.form["due"] != iso(job.due):
                raise Refused(409, "moved", f"{asked.id} was moved meanwhile: it is due {is_due}")
            if asked.form.get("when", "").strip() == wall_clock(job.due, zone_of_form(asked)):
                return f"{asked.id} stays where it is: it is due {is_due}."
        when = needed_moment(asked, "when")
        jobs.move_job(call_of(asked, asked.id, jobs.Move(when)))
        return f"{asked.id} is due {said_at(when, asked, on=True)} now."

    def elsewhere() -> bool:
        job = asked.scheduler.jobs.get(asked.id)
        return job is None or wall_clock(job.due, zone_of_form(asked)) != asked.form.get("when", "").strip()

    return done_or_said(asked, asked.link("jobs", asked.id), do, once=True, again=elsewhere)


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


def move_queue(asked: Asked) -> Went:
    """Have the workers of another queue do what waits in one."""

    def do() -> str:
        to = asked.form.get("to", "")
        if not to:
            raise InvalidArgument("no queue was chosen: choose one that has workers")
        moved = jobs.move_queue(call_of(asked, asked.id, jobs.MoveQueue(to))).body["moved"]
        return f"{counted(moved, 'job', 'jobs')} of {asked.id} went to the end of {to}."

    return done_or_said(asked, back_to(asked), do, once=True)


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


def _each(asked: Asked, do: Callable[[str], Any], one: str, many: str) -> str:
    """Does it to each that is chosen; says what was done, and why not where it was not."""
    only = unsealed(asked.query.get("only", ""))
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
