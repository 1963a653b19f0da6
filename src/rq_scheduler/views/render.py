"""What a person is shown of schedules and runs: pure functions from the API's objects to tables and lines.

Knows no command, no terminal and no Redis. `now` is the server's time; moments are shown in `zone`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain
from typing import Any, cast

from rq_scheduler.client.pending import PendingJob
from rq_scheduler.client.quarantine import Quarantined, RetryResult
from rq_scheduler.client.schedules import LeftOut, Run, StoredSchedule, SyncResult, UpcomingRun
from rq_scheduler.clock import in_zone
from rq_scheduler.humanize import NONE, counted, distance, length, moment, moves_words, trigger_words
from rq_scheduler.model import KEPT_RUNS, Schedule, Spec
from rq_scheduler.serialization import Duration
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.outcomes import last_outcome, legend
from rq_scheduler.views.pages import Page
from rq_scheduler.views.runs import moments, runs_table
from rq_scheduler.views.standing import next_due
from rq_scheduler.views.table import Cell, Column, Part, Table

__all__ = [
    "instants",
    "left_out",
    "one_schedule",
    "quarantine_table",
    "retried",
    "schedules_table",
    "state_text",
    "synced",
    "upcoming_table",
]

MAX_NAMED = 50
"""Ids of one kind that a sync names."""

_BAD = "red"
_QUIET = "dim"
_STATE = {"paused": "yellow", "finished": _QUIET}


def state_text(stored: StoredSchedule) -> str:
    """Whether it fires, in a word."""
    return "paused" if stored.paused else "finished" if stored.finished else "active"


def _state(stored: StoredSchedule, note: str = "") -> Cell:
    state = state_text(stored)
    return state + note, _STATE.get(state, "")


def schedules_table(page: Page[StoredSchedule], now: datetime, zone: tzinfo, *, offset: int) -> Iterator[Part]:
    """A page of schedules, and how to come to the next one."""
    letters: set[str] = set()
    rows = (_schedule_row(stored, now, zone, letters) for stored in page)
    first = next(rows, None)
    if first is None:
        yield "No schedules." if offset == 0 else f"No schedules from the {offset + 1:,}th on."
        return
    columns = (
        Column("ID"),
        Column("STATE"),
        Column("LAST RUN"),
        Column("NEXT RUN"),
        Column("IN", right=True, spare=1),
        Column("LAST 20", spare=2),
        Column("TRIGGER", cut=True, spare=3),
        Column("QUEUE", spare=4),
        Column("CALL", cut=True, spare=5),
    )
    yield Table(columns, chain([first], rows))
    if letters:
        yield f"Last 20, the newest last: {legend(letters)}.", _QUIET
    if page.more:
        yield f"{page.shown:,} shown; there are more: --offset {offset + page.shown}"


def _schedule_row(stored: StoredSchedule, now: datetime, zone: tzinfo, letters: set[str]) -> Sequence[Cell]:
    """`letters` gets those of the last outcomes."""
    due = next_due(stored)
    letters.update(stored.last_outcomes)
    return (
        stored.id,
        _state(stored) if stored.overdue_since is None else ("overdue", _BAD),
        last_outcome(stored),
        NONE if due is None else moment(whole_second(due), zone),
        NONE if due is None else distance(due, now).removeprefix("in "),
        stored.last_outcomes or NONE,
        "; days off ".join(filter(None, (trigger_words(stored.trigger), moves_words(stored.spec)))),
        stored.queue_name,
        stored.call,
    )


def one_schedule(
    stored: StoredSchedule,
    coming: Sequence[datetime],
    runs: Sequence[Run],
    now: datetime,
    zone: tzinfo,
    definition: Schedule | None = None,
) -> Iterator[Part]:
    """All about one schedule: definition (as far as it could be loaded), state, what comes next and what was last."""
    yield Table((Column(""), Column("", cut=True)), list(_facts(stored, now, zone, definition)))
    if coming:
        yield ""
        yield "Next runs:", "bold"
        rows = [("  " + text, distance(at, now)) for text, at in zip(moments(coming, zone), coming, strict=True)]
        yield Table((Column(""), Column("", right=True)), list(rows))
    if runs:
        yield ""
        yield "Last runs:", "bold"
        yield from runs_table(stored.id, runs, zone)


def _facts(
    stored: StoredSchedule, now: datetime, zone: tzinfo, definition: Schedule | None
) -> Iterator[Sequence[Cell]]:
    yield "id", (stored.id, "bold")
    yield "state", _state(stored, f" ({stored.note})" if stored.note else "")
    if stored.kind == "job":
        yield "kind", "recurring job of Scheduler.schedule() or cron(); the id is its job's"
    if stored.paused_at is not None:
        by = stored.paused_by or "itself, for failures or a fault"
        ends = f", until {_about(stored.paused_until, now, zone)}" if stored.paused_until else ""
        yield "paused", f"{_about(stored.paused_at, now, zone)} by {by}{ends}"
    if stored.overdue_since is not None:
        yield "overdue", (f"no success by {_about(stored.overdue_since, now, zone)}, as is expected", _BAD)
    yield "trigger", trigger_words(stored.trigger)
    if stored.spec is not None:
        yield from _policies(stored.spec, zone)
    yield "call", stored.call or stored.func
    yield "queue", stored.queue_name
    if definition is not None:
        yield from _job_options(definition)
    if stored.tags:
        yield "tags", ", ".join(stored.tags)
    if stored.owner:
        yield "owner", stored.owner
    yield from _outcomes(stored, now, zone)
    yield "version", f"{stored.version:,}"
    yield "created", _about(stored.created_at, now, zone)
    yield "updated", _about(stored.updated_at, now, zone)


def _outcomes(stored: StoredSchedule, now: datetime, zone: tzinfo) -> Iterator[Sequence[Cell]]:
    """What comes next, and what has become of its runs."""
    yield "next run", _about(next_due(stored), now, zone) + (", after the pause" if stored.next_run_after_pause else "")
    word, style = last_outcome(stored)
    last = "" if word == NONE else f", {word}"
    yield "last run", (_about(stored.last_run_at, now, zone) + last, style)
    left = "" if stored.runs_left is None else f", {stored.runs_left:,} left"
    ended = f"{stored.succeeded:,} succeeded, {stored.failed:,} failed"
    yield "runs", f"{stored.runs:,}{left}: {ended}; skipped {stored.skipped:,}, missed {stored.missed:,}"
    for name, at in (("last success", stored.last_success_at), ("last failure", stored.last_failure_at)):
        if at is not None:
            yield name, _about(at, now, zone)
    if stored.mean_duration is not None:
        yield "mean duration", length(stored.mean_duration)
    if stored.last_outcomes:
        yield "last 20", f"{stored.last_outcomes}  ({legend(stored.last_outcomes)}; the newest last)"


def _about(at: datetime | None, now: datetime, zone: tzinfo) -> str:
    """When something was done, or will be: the fraction of a second says nothing."""
    return NONE if at is None else f"{moment(whole_second(at), zone)} ({distance(at, now)})"


_JOB_DURATIONS = ("job_timeout", "result_ttl", "ttl", "failure_ttl")


def _job_options(definition: Schedule) -> Iterator[Sequence[Cell]]:
    """What is set of the options of its jobs, but for what `call` says."""
    for name in _JOB_DURATIONS:
        value: Any = getattr(definition, name)
        if value is not None:
            seconds = Duration.of(value, name)
            yield name.replace("_", " "), "for ever" if seconds < timedelta() else length(seconds)
    if definition.retry is not None:
        yield "retry", _retry_words(definition.retry)
    for name in ("description", "meta", "depends_on", "on_success", "on_failure", "on_stopped", "at_front"):
        value = getattr(definition, name)
        if value:
            yield name.replace("_", " "), "yes" if value is True else _words(value)


def _retry_words(retry: Any) -> str:
    """RQ's Retry."""
    intervals = [f"{seconds:,}s" for seconds in retry.intervals if seconds]
    return counted(retry.max, "time", "times") + (f", after {', '.join(intervals)}" if intervals else "")


def _words(value: Any) -> str:
    """A callback by its name, job ids in a list, anything else as Python has it."""
    name: Any = getattr(value, "name", value)
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(name)


def _policies(spec: Spec, zone: tzinfo) -> Iterator[Sequence[Cell]]:
    """The policies that say something: overlap and catch-up always, the others where they are set."""
    yield "overlap", spec.overlap
    window = "" if spec.catchup_window is None else f", of the last {length(spec.catchup_window)}"
    yield "catch-up", spec.catchup + window
    for name in ("jitter", "start", "end", "max_runs", "pause_on_failures"):
        value = getattr(spec, name)
        if value is not None:
            yield name.replace("_", " "), _value(value, zone)
    if spec.expect is not None:
        yield "expect", f"a success within {length(spec.expect)}"
    if spec.keep_runs != KEPT_RUNS:
        yield "keep runs", f"{spec.keep_runs:,}"
    if spec.exclude:
        days = ", ".join(str(exclusion) for exclusion in spec.exclude)
        yield "exclude", "; ".join(filter(None, (days, moves_words(spec))))


def _value(value: Duration | datetime | int, zone: tzinfo) -> str:
    if isinstance(value, Duration):
        return f"up to {length(value)}"
    return moment(value, zone) if isinstance(value, datetime) else f"{value:,}"


def left_out(found: Sequence[LeftOut], zone: tzinfo, which: str, program: str) -> Iterator[Part]:
    """What pauses have left out, and how to make up for it; `which` is how a command of `program` says which."""
    if not found:
        return
    columns = (Column("LEFT OUT"), Column("RUNS", right=True), Column("FIRST"), Column("PAUSED FROM"), Column("UNTIL"))
    rows = [
        (
            one.schedule_id,
            f"{one.count:,}{'+' if one.at_least else ''}",
            *(moment(whole_second(at), zone) for at in (one.first, one.since, one.until)),
        )
        for one in found
    ]
    yield Table(columns, list(rows))
    yield f"To make up for it: {program} backfill {which} --left-out"


def upcoming_table(coming: Sequence[UpcomingRun | PendingJob], now: datetime, zone: tzinfo) -> Iterator[Part]:
    """What runs next: runs of schedules, with the nominal time where jitter makes it another, and one-offs."""
    if not coming:
        yield "Nothing comes up."
        return
    jitter = any(isinstance(run, UpcomingRun) and run.nominal != run.due for run in coming)
    one_offs = any(isinstance(run, PendingJob) for run in coming)
    columns = [Column("DUE"), Column("IN", right=True), Column("SCHEDULE OR JOB" if one_offs else "SCHEDULE")]
    if jitter:
        columns.append(Column("NOMINAL", spare=1))
    if one_offs:
        columns.append(Column("CALL OF THE JOB", cut=True, spare=2))
    rows: list[Sequence[Cell]] = []
    for run in coming:
        row: list[Cell] = [moment(run.due, zone), distance(run.due, now).removeprefix("in ")]
        row.append(run.id if isinstance(run, PendingJob) else run.schedule_id)
        if jitter:
            row.append("" if isinstance(run, PendingJob) else moment(run.nominal, zone))
        if one_offs:
            row.append(run.call if isinstance(run, PendingJob) else "")
        rows.append(row)
    yield Table(columns, rows)


def instants(found: Sequence[datetime], now: datetime, zone: tzinfo, name: str) -> Iterator[Part]:
    """The instants of a trigger: in its zone, in UTC, and how far from the one before (the first: from `now`)."""
    if not found:
        yield "No further instant."
        return
    rows: list[Sequence[Cell]] = []
    before = now
    for at in found:
        there = in_zone(at, zone)
        gap = distance(at, now) if before is now else f"+{length(at - before)}"
        shown = (f"{there:%a} {moment(at, zone)}", gap)
        rows.append(shown if zone is UTC else (*shown, moment(at, UTC)))
        before = at
    columns = (Column(name.upper() if zone is UTC else name), Column("", right=True))
    yield Table(columns if zone is UTC else (*columns, Column("UTC")), rows)


def synced(result: SyncResult, owner: str, dry_run: bool) -> Iterator[Part]:
    """What a sync did, or would do: each change by name, up to a bound."""
    kinds = (
        ("+", result.added, "green"),
        ("~", result.changed, "yellow"),
        ("~", [f"{old} is {new} now" for old, new in result.renamed], "yellow"),
        ("-", result.removed, _BAD),
    )
    for sign, ids, style in kinds:
        for id in ids[:MAX_NAMED]:
            over = " (taken over: nobody owned it)" if id in result.taken_over else ""
            yield f"{sign} {id}{over}", style
            yield from map(_change, result.changes.get(id, {}).items())
        if len(ids) > MAX_NAMED:
            yield f"{sign} and {len(ids) - MAX_NAMED:,} more", style
    names = ("added", "changed", *(("renamed",) if result.renamed else ()), "removed", "unchanged")
    counts = ", ".join(f"{len(getattr(result, name)):,} {name}" for name in names)
    yield f"{owner}: {counts}" + (" (dry run: nothing was written)" if dry_run else "")


def _change(change: tuple[str, tuple[str, str]]) -> str:
    """What a sync changes of one field. What is no text has only changed."""
    name, (old, new) = change
    return f"    {name}: {old or NONE} -> {new or NONE}" if old or new else f"    {name} is another"


def quarantine_table(found: Sequence[Quarantined], total: int, now: datetime, zone: tzinfo) -> Iterator[Part]:
    """What is in quarantine: `found` of `total`, and why."""
    if not found:
        yield "Nothing is in quarantine."
        return
    columns = (Column("ID"), Column("KIND", spare=2), Column("SINCE", spare=1), Column("DUE", spare=3),
               Column("CODE", spare=4), Column("REASON", cut=True))  # fmt: skip
    rows = [
        (
            one.id,
            one.kind,
            NONE if one.at is None else distance(one.at, now),
            moment(one.due, zone),
            one.code,
            one.reason,
        )
        for one in found
    ]
    yield Table(columns, list(rows))
    if total > len(found):
        yield f"{len(found):,} shown of {total:,}; --limit shows more"


def retried(done: RetryResult) -> Iterator[Part]:
    """What a retry came to."""
    if len(done.retried) == 1:
        yield f"{done.retried[0]} is back"
    else:
        yield f"{counted(len(done.retried), 'entry is', 'entries are')} back"
    for id, why in done.refused.items():
        yield f"{id} stays: {why}", "yellow"
