"""The history of a schedule as a table: what became of each run, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from shlex import quote
from typing import Final

from rq_scheduler.client.schedules import Run
from rq_scheduler.client.schedules.explain.jobs import took, why_ended
from rq_scheduler.humanize import NONE, length, moment
from rq_scheduler.views.details import run_words, times_about, whole_second
from rq_scheduler.views.outcomes import status_word, styled
from rq_scheduler.views.table import Cell, Column, Part, Table, Typed, as_it_is

__all__ = ["moments", "runs_table"]

_COLUMNS: Final = (
    Column("RUN OF"),
    Column("RESULT"),
    Column("TOOK", right=True, spare=1),
    Column("ENDED", spare=2),
    Column("WHY", spare=8),
    Column("EARLIER", spare=3),
    Column("TRIES", right=True, spare=4),
    Column("LATE", right=True, spare=5),
    Column("WORKER", spare=6),
    Column("JOB", spare=7),
)
_TAKEN_BACK: Final = frozenset({"failed", "stopped", "canceled"})
"""Ends after which RQ may have the job in a queue again."""


def runs_table(id: str, runs: Sequence[Run], zone: tzinfo, typed: Typed = as_it_is) -> Iterator[Part]:
    """Newest first. Columns in which no run has anything are left out."""
    if not runs:
        yield f"No run of {id} is recorded. Why: {typed(f'rqscheduler why {quote(id)}')}"
        return
    shown = moments([run.nominal for run in runs], zone)
    rows = [_row(run, nominal, zone) for run, nominal in zip(runs, shown, strict=True)]
    used = [index for index in range(len(_COLUMNS)) if any(row[index] != NONE for row in rows)]
    yield Table([_COLUMNS[index] for index in used], [[row[index] for index in used] for row in rows])


def moments(given: Sequence[datetime], zone: tzinfo) -> list[str]:
    """Moments as texts: to the second, where that tells all of them apart."""
    seconds = [whole_second(at) for at in given]
    return [moment(at, zone) for at in (seconds if len(set(seconds)) == len(seconds) else given)]


def _row(run: Run, nominal: str, zone: tzinfo) -> Sequence[Cell]:
    times = times_about(run.nominal, zone)
    return (
        nominal if run.until == run.nominal else f"{nominal} to {times.short(whole_second(run.until))}",
        _result(run, zone),
        NONE if run.duration is None else took(run.duration),
        NONE if run.ended_at is None else times.short(whole_second(run.ended_at)),
        _why(run, zone) or NONE,
        ", ".join(f"{end} {times.short(whole_second(at))}" for end, at in run.earlier_ends) or NONE,
        f"{run.attempts:,}" if run.attempts > 1 else NONE,
        length(run.lateness),
        run.worker or NONE,
        run.job_id or NONE,
    )


def _result(run: Run, zone: tzinfo) -> Cell:
    if run.job_id is None:
        many = "" if run.count == 1 and not run.at_least else f" {run.count:,}{'+' if run.at_least else ''} times"
        return ("not made", "red") if run.outcome == "failed" else styled(run.outcome, many)
    kind = f" ({run.outcome})" if run.outcome in ("manual", "backfill") else ""
    status = status_word(run.status or "expired")
    if status == "running" and run.started_at is not None:
        kind = f" since {times_about(run.nominal, zone).short(whole_second(run.started_at))}{kind}"
    if run.end is None:
        return styled(status, kind)
    is_open = run.end in _TAKEN_BACK and run.status not in {run.end, "finished", "expired"}
    return styled(run.end, f", now {status}{kind}" if is_open else kind)


def _why(run: Run, zone: tzinfo) -> str:
    """Why it did not succeed, or was not run."""
    if run.held_up_by is not None:
        return f"held up by {run_words(run.held_up_by, times_about(run.nominal, zone))}"
    if run.end is None or run.end == "finished":
        return ""
    return why_ended(run.end, run.cause or "", run.error or "", run.error_at or "")
