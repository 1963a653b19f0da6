"""A run as it is marked on a chart: which kind it is of, and all of it in a line. Owns these words. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rq_scheduler.client.schedules import Run
from rq_scheduler.client.schedules.explain.jobs import took, why_ended
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.humanize import length
from rq_scheduler.views.details import run_words, whole_second
from rq_scheduler.views.outcomes import status_word

__all__ = ["LATE_AFTER", "ends_at", "kind_of_letter", "kind_of_run", "outcome_words", "run_line", "why"]

LATE_AFTER = timedelta(seconds=10)
"""A hand-off that is later than that is marked."""

_BY_END: Final = {
    "finished": "ok",
    "failed": "failed",
    "lost": "failed",
    "stopped": "skipped",
    "canceled": "skipped",
    "expired": "missed",
    "deleted": "missed",
    "unknown": "finished",
}
_BY_LETTER: Final = {
    ".": "ok",
    "f": "failed",
    "l": "failed",
    "s": "skipped",
    "c": "skipped",
    "k": "skipped",
    "e": "missed",
    "d": "missed",
    "m": "missed",
    "u": "finished",
}


def kind_of_letter(letter: str) -> str:
    """Of a letter of the last outcomes."""
    return _BY_LETTER.get(letter, "finished")


def kind_of_run(run: Run) -> str:
    """Whether it is ok, late, failed, skipped, missed, running, waiting, or finished: ended, nobody knows how."""
    if run.outcome in ("skipped", "missed"):
        return run.outcome
    if run.outcome == "failed":
        return "failed"
    end = run.end or {"finished": "finished", "failed": "failed", "stopped": "stopped", "canceled": "canceled"}.get(
        run.status or ""
    )
    if end is not None:
        kind = _BY_END[end]
        return "late" if kind == "ok" and run.lateness is not None and run.lateness > LATE_AFTER else kind
    if run.status == "started":
        return "running"
    return "finished" if run.status in (None, "expired") else "waiting"


def ends_at(run: Run, now: datetime) -> datetime:
    """Where its mark ends: one that goes on, now."""
    kind = kind_of_run(run)
    if kind in ("skipped", "missed") and run.job_id is None:
        return run.until
    if kind in ("running", "waiting"):
        return now
    return run.ended_at or run.started_at or run.handed_off_at


def outcome_words(run: Run) -> str:
    """`ok`, `failed`, `skipped 3`: what became of it, in a word or two."""
    kind = kind_of_run(run)
    many = "" if run.count == 1 and not run.at_least else f" {run.count:,}{'+' if run.at_least else ''}"
    if run.job_id is None:
        return "not made" if run.outcome == "failed" else f"{run.outcome}{many}"
    if kind == "ok":
        return "ok"
    if kind == "late":
        return "ok, late"
    if run.end is not None:
        return {"unknown": "ended, nobody saw how"}.get(run.end, run.end)
    return status_word(run.status or "expired")


def run_line(run: Run, times: Times) -> str:
    """`21:45 failed after 2m: ValueError: no such order`: all of it in a line."""
    at = times.short(whole_second(run.nominal))
    if run.until != run.nominal:
        at += f" to {times.short(whole_second(run.until))}"
    said = outcome_words(run)
    if run.duration is not None:
        said += f", took {took(run.duration)}"
    if run.lateness is not None and run.lateness > LATE_AFTER:
        said += f", handed off {length(run.lateness, coarse=True)} late"
    reason = why(run, times)
    return f"{at} {said}" + (f": {reason}" if reason else "")


def why(run: Run, times: Times) -> str:
    """Why it did not succeed, or was not run; empty where there is nothing to say."""
    if run.held_up_by is not None:
        return f"held up by {run_words(run.held_up_by, times)}"
    if run.end is None or run.end == "finished":
        return ""
    return why_ended(run.end, run.cause or "", run.error or "", run.error_at or "")
