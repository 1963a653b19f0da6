"""What callers of `scheduler.schedules` are shown: a schedule with its state, its runs, what comes next, what a sync
did.

Made from what the store has read. Sends no command; arguments are unpickled only when `definition` is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final, cast

from rq.utils import utcparse

from rq_scheduler.aliases import End, JobStatus, Outcome, ScheduleKind
from rq_scheduler.client.calls import call_of, hidden_call
from rq_scheduler.client.schedules.fields import counts_of, is_paused, moment_of, runs_left_of, spec_of, tags_of
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.model import Schedule, Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.planning import resumed
from rq_scheduler.store.audit import Changes
from rq_scheduler.store.history import HistoryLine
from rq_scheduler.store.runs import NotRunLine, RunLine
from rq_scheduler.store.schedules import Stored
from rq_scheduler.triggers import MAX_US, MIN_US, AnyTrigger
from rq_scheduler.triggers.base import aware_us, not_negative
from rq_scheduler.triggers.work import of_stored

__all__ = [
    "LeftOut",
    "Run",
    "StoredSchedule",
    "SyncResult",
    "UpcomingRun",
    "run_of",
    "run_of_list",
    "runs_of",
    "stored_schedule",
]

EXPIRED: Final = "expired"
"""The status of a run whose job RQ no longer has."""


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A schedule as it stood in Redis when it was read. All moments are aware UTC.

    kind: "schedule", or "job" for a recurring job of the 0.14 API (its id is its job id). spec: trigger and policies;
    None when a newer version of this package wrote it. func, call: the function's dotted name and the call, as text.
    queue_name: where its runs go. owner: whose `sync` keeps it; empty for one that was put.

    next_run_at: when its next run is due; None while paused, and when finished. last_run_at: when the last run was
    handed off. last_status: RQ's status of that run; None when its job has expired, or none was made. paused_at,
    paused_by, paused_until: of a pause that goes on, since when, who made it (empty for failures and faults) and when
    it ends by itself; None and empty otherwise. finished: it never fires again. runs, skipped, missed: counts. version:
    changes of the definition, the first being 1.

    succeeded, failed: runs that ended so (a lost one has failed). failed_in_a_row: since the last success, or the last
    resume. last_success_at, last_failure_at: when such a run ended. mean_duration: of the last successful ones.
    last_outcomes: up to 20 letters, the newest last: how runs ended (f failed, s stopped, c canceled, e expired, d
    deleted, l lost, u unknown; `.` is a success) and what did not run (k skipped, m missed; one for a stretch).
    overdue_since: since when no run has succeeded within `expect`. cannot_run: a paused one of which what it calls is
    gone from Redis: it has to be put again before it is resumed.
    """

    id: str
    kind: ScheduleKind
    spec: Spec | None
    func: str
    call: str
    queue_name: str
    tags: tuple[str, ...]
    owner: str
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_status: JobStatus | None
    paused: bool
    note: str
    finished: bool
    runs: int
    skipped: int
    missed: int
    version: int
    created_at: datetime | None
    updated_at: datetime | None
    _armed: tuple[int, int] | None = field(repr=False)
    _runs_left: int | None = field(repr=False)
    _load: Callable[[], Schedule] = field(repr=False, compare=False)
    succeeded: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    mean_duration: timedelta | None = None
    last_outcomes: str = ""
    overdue_since: datetime | None = None
    paused_at: datetime | None = None
    paused_by: str = ""
    paused_until: datetime | None = None
    cannot_run: bool = False
    _nominal: int | None = field(default=None, repr=False)

    @property
    def next_run_after_pause(self) -> datetime | None:
        """When its next run is due once a pause is over that ends by itself (`paused_until`); None without such a
        pause, and where nothing is left to come."""
        return next((from_us(due) for _, due in self.instants_after_pause()), None)

    @property
    def trigger(self) -> AnyTrigger | None:
        """When it fires, before jitter, exclusions, start and end."""
        return None if self.spec is None else self.spec.trigger

    @property
    def runs_left(self) -> int | None:
        """How many runs it may still have (`max_runs`, or `repeat` of the 0.14 API); None for any number."""
        return self._runs_left

    @property
    def definition(self) -> Schedule:
        """What was put, arguments loaded (unpickling runs what their classes do).

        Of a schedule that `find`, `find_iter` or iteration gave it is read now, since it may be large: as it stands
        now, and ScheduleNotFound where it is gone. Raises JobUnreadable when the arguments cannot be loaded here,
        InvalidArgument when a newer version of this package wrote it.
        """
        return self._load()

    def upcoming(self, n: int) -> list[datetime]:
        """When its next `n` runs are due, jitter and exclusions included; fewer when it ends before, none while paused.

        Exactly what happens as long as no run is skipped, and a dispatcher is up. Raises InvalidType or InvalidArgument
        for an `n` that is no number of runs.
        """
        not_negative(n=n)
        return [from_us(due) for _, due in islice(self.instants(), min(n, sys.maxsize))]

    def instants(self) -> Iterator[tuple[int, int]]:
        """(nominal, due) of its runs to come, in microseconds since the epoch."""
        if self.spec is None or self._armed is None or self.paused:
            return iter(())
        return self._from(self._armed)

    def instants_after_pause(self) -> Iterator[tuple[int, int]]:
        """The same of what comes once a pause that ends by itself is over; none without one."""
        if self.spec is None or self.paused_until is None or self.cannot_run:
            return iter(())
        with of_stored():
            first = resumed(self.id, self.spec, self._nominal, self.runs, to_us(self.paused_until))
        return iter(()) if first is None else self._from((first.nominal, first.due))

    def left_out_by_pause(self, until: datetime) -> Iterator[datetime]:
        """The instants, aware UTC, that a pause leaves out which begins now (or goes on) and ends then (aware)."""
        end = aware_us(until, "until")
        if self.spec is None or self._nominal is None:
            return
        for nominal, due in self._from((self._nominal, Occurrences(self.id, self.spec).due(self._nominal))):
            if due >= end:
                return
            yield from_us(nominal)

    def _from(self, first: tuple[int, int]) -> Iterator[tuple[int, int]]:
        if self.spec is None:
            return iter(())
        following = Occurrences(self.id, self.spec, first[0]).walk(first[0])
        return islice(chain([first], following), self._runs_left)


@dataclass(frozen=True, slots=True)
class UpcomingRun:
    """A run to come: the time that the trigger names, and that time with jitter; aware UTC."""

    schedule_id: str
    nominal: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the last pause of a schedule has left out: `count` instants (at least, if `at_least`) between `since` and
    `until`, from `first` on; aware UTC."""

    schedule_id: str
    since: datetime
    until: datetime
    count: int
    at_least: bool
    first: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One line of a schedule's history. All moments are aware UTC.

    outcome: "enqueued", "skipped", "missed", "manual", "backfill" or "failed". nominal: the time that the trigger
    named; for a stretch of skipped or missed ones the first of them, `until` the last and `count` how many (at least,
    if `at_least`). due: nominal and jitter. handed_off_at: when this was decided; lateness: how long after `due`.

    job_id: None for what made no job. status: RQ's status of the job now, "expired" when RQ no longer has it.
    started_at, ended_at: the job's. duration: from start to end; result_age: since its end.

    end: how the run ended; None while it goes on, and for what made no job. attempts: how often it was tried; 0 where
    that is not known. worker, dispatcher: the names of those that ran it and handed it off. error: the last line of its
    exception, error_at: where that was raised, as "module:line"; cause: why RQ says that it failed, where that was no
    exception of the function ("worker-died", "timed-out"). earlier_ends: ends that RQ took back, such as a failure
    before somebody requeued it, and when. held_up_by: the job id of the run because of which these were skipped.
    """

    outcome: Outcome
    nominal: datetime
    until: datetime
    count: int
    at_least: bool
    due: datetime
    handed_off_at: datetime
    lateness: timedelta | None
    job_id: str | None
    status: JobStatus | None
    started_at: datetime | None
    ended_at: datetime | None
    duration: timedelta | None
    result_age: timedelta | None
    end: End | None = None
    attempts: int = 0
    worker: str | None = None
    dispatcher: str | None = None
    error: str | None = None
    error_at: str | None = None
    cause: str | None = None
    earlier_ends: tuple[tuple[End, datetime], ...] = ()
    held_up_by: str | None = None


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The ids that a sync added, changed, removed and left as they were (would have, for a dry run); each in order.
    `renamed`: the old and the new id of those that kept all else. `changes`: of each changed id, by the name of the
    option, the old text and the new one (both empty for what is no text, such as `meta`). `taken_over`: those of the
    changed ones that nobody owned."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    changes: Mapping[str, Changes] = field(default_factory=dict[str, Changes], compare=False)
    taken_over: tuple[str, ...] = ()


def stored_schedule(
    stored: Stored, load: Callable[[], Schedule], spec: Spec | None = None, *, hides_arguments: bool = False
) -> StoredSchedule:
    """From what the store has read; `load` makes the definition. `spec`: what its own says, where that is known."""
    is_job = stored.kind == "job"
    paused = is_paused(stored)
    due = stored.due if stored.due is not None and MIN_US <= stored.due <= MAX_US else None  # +inf is never
    armed = None if stored.armed is None or due is None else (stored.armed, due)
    waits = armed is not None or bool(stored.text("buffered"))
    spec = spec or spec_of(stored)
    call = call_of(stored.template, hidden=hides_arguments) if is_job else stored.text("call")
    func = call.partition("(")[0] if is_job else stored.text("func")
    if hides_arguments and not is_job:
        call = hidden_call(func)
    return StoredSchedule(
        id=stored.id,
        kind="job" if is_job else "schedule",
        spec=spec,
        func=func,
        call=call,
        queue_name=stored.text("queue"),
        tags=tags_of(stored),
        owner=stored.text("owner"),
        next_run_at=None if armed is None or paused else from_us(armed[1]),
        last_run_at=moment_of(stored.moment("last_run_at")),
        last_status=cast("JobStatus", stored.last_status) or None,
        paused=paused,
        note=stored.text("note"),
        paused_at=moment_of(stored.moment("paused_at")) if paused else None,
        paused_by=stored.text("paused_by") if paused else "",
        paused_until=moment_of(stored.moment("paused_until")) if paused else None,
        finished=not waits and (is_job or not stored.text("armed")),
        runs=stored.number("runs"),
        skipped=stored.number("skipped"),
        missed=stored.number("missed"),
        version=stored.number("version") or 1,
        created_at=moment_of(stored.moment("created")),
        updated_at=moment_of(stored.moment("updated")),
        **counts_of(stored),
        overdue_since=moment_of(stored.moment("overdue_since")),
        cannot_run=stored.text("cannot_run") == "1",
        _nominal=stored.armed,
        _armed=armed,
        _runs_left=runs_left_of(stored, spec),
        _load=load,
    )


def run_of(row: RunLine, now: int, *, job_is_its_own: bool = True) -> Run:
    """From a line of history and what RQ says of its job at `now` (us). A re-used job id speaks for its last run
    alone."""
    line = row.line
    known = bool(row.job_id) and job_is_its_own
    if line.end or not known:
        started, ended = moment_of(line.started), moment_of(line.ended)
    else:
        started, ended = _parsed(row.started_at), _parsed(row.ended_at)
    nominal = from_us(line.nominal)  # most runs are due then, and handed off a moment later
    return Run(
        outcome=cast("Outcome", line.outcome),
        nominal=nominal,
        until=nominal if line.until == line.nominal else from_us(line.until),
        count=line.count,
        at_least=line.at_least,
        due=nominal if line.due == line.nominal else from_us(line.due),
        handed_off_at=nominal if line.at == line.nominal else from_us(line.at),
        lateness=timedelta(microseconds=line.at - line.due) if line.outcome == "enqueued" else None,
        job_id=row.job_id or None,
        status=(cast("JobStatus", row.status) or EXPIRED) if known else None,
        started_at=started,
        ended_at=ended,
        duration=None if started is None or ended is None else ended - started,
        result_age=None if ended is None else timedelta(microseconds=now - to_us(ended)),
        end=line.end,
        attempts=line.attempts,
        worker=row.worker or None,
        dispatcher=row.dispatcher or None,
        error=line.error or None,
        error_at=line.error_at or None,
        cause=line.cause or None,
        earlier_ends=tuple([(end, from_us(at)) for end, at in line.earlier_ends]),
        held_up_by=row.held_up_by or None,
    )


def run_of_list(line: NotRunLine) -> Run | None:
    """What was skipped or missed, from the list of what did not run: where no line of history speaks of it any more."""
    outcome = {"k": "skipped", "m": "missed"}.get(line.letter)
    if outcome is None or line.nominal is None:
        return None
    until = line.nominal if line.until is None else line.until
    at = until if line.at is None else line.at
    told = HistoryLine(outcome, line.nominal, until, at, line.nominal, line.count, line.at_least)
    return run_of(RunLine(told, "", "", "", "", "", "", ""), at)


def runs_of(rows: Sequence[RunLine], now: int, kind: str) -> list[Run]:
    """A history, newest first. The job id of a recurring job (`kind`) is that of all its runs."""
    newest = next((n for n, row in enumerate(rows) if row.line.outcome == "enqueued"), None)
    return [run_of(row, now, job_is_its_own=kind != "job" or n == newest) for n, row in enumerate(rows)]


def _parsed(stamp: str) -> datetime | None:
    try:
        return utcparse(stamp) if stamp else None
    except ValueError:
        return None
