"""What a person wants to see first of one Redis: what needs somebody, what ran and what comes, what did not run, what
was changed. As a value.

Reads only, in a bounded number of round trips whatever is stored; knows no key of Redis, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.base import context_of
from rq_scheduler.client.fleet import Lateness, Outage
from rq_scheduler.client.health import Health, read_health
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.client.schedules import Run, StoredSchedule
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.store.runs import NotRunLine
from rq_scheduler.store.survey import Survey

__all__ = ["Lane", "NotRun", "Overview", "read_overview"]

MAX_LANES = 24
MAX_RUNS = 200
"""Of one lane."""

MAX_COMING = 61
"""Instants of one lane; what has as many is dense."""

MAX_NOT_RUN = 500
"""Lines of what did not run that are looked at."""

MAX_CHANGES = 12

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Lane:
    """A schedule on the time axis: its runs, newest first, and when it is due until the end of the axis."""

    stored: StoredSchedule
    runs: Sequence[Run]
    coming: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class NotRun:
    """Instants of a schedule that follow each other and made no run that came to its end, for the same reason.
    `letter` is that of the last outcomes; `run` the line of history that tells of the newest, where that is kept."""

    schedule_id: str
    letter: str
    first: datetime
    last: datetime
    count: int
    run: Run | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What was found. since, until: of the time axis. lanes: what fails, is late or did not run, then what runs, then
    what comes next. lateness: of the last hour, by minute; outages: on the axis. changes: of a day, newest first.
    running: schedules of which a run goes on; within_hour: one-offs that are due by then."""

    health: Health
    since: datetime
    until: datetime
    lanes: Sequence[Lane]
    not_run: Sequence[NotRun]
    not_run_more: bool
    changes: Sequence[AuditEntry]
    lateness: Sequence[Lateness]
    lateness_in_all: Lateness | None
    outages: Sequence[Outage]
    states: Mapping[str, int]
    within_hour: int

    @property
    def now(self) -> datetime:
        """The server's time, aware UTC."""
        return self.health.now

    def lane(self, id: str) -> Lane | None:
        """The lane of a schedule, if it has one."""
        return next((lane for lane in self.lanes if lane.stored.id == id), None)


def read_overview(scheduler: Scheduler, before: timedelta, after: timedelta) -> Overview:
    """With a time axis from so long before now to so long after it."""
    store, schedules = context_of(scheduler).store, scheduler.schedules
    health = read_health(Survey(scheduler.connection), "", quick=True)
    now = health.now
    since, until = now - before, now + after
    lines = store.not_run(to_us(now - _DAY), MAX_NOT_RUN)
    stretches = _stretches(lines)
    troubles = health.troubles
    coming = islice(store.coming(MAX_LANES), MAX_LANES)
    wanted = [
        *troubles.failing.first,
        *troubles.paused.first,
        *troubles.late.first,
        *(one.schedule_id for one in stretches),
        *(one.id for one in schedules.find(state="running", limit=MAX_LANES)),
        *troubles.paused_by_people.first,
        *(id for due, id in coming if due <= to_us(until)),
    ]
    ids = list(dict.fromkeys(wanted))[:MAX_LANES]
    found = schedules.read(ids)
    runs = schedules.runs_of([one.id for one in found], MAX_RUNS)
    return Overview(
        health=health,
        since=since,
        until=until,
        lanes=[Lane(one, runs[one.id], _coming(one, until)) for one in found],
        not_run=[_told(one, runs.get(one.schedule_id, ())) for one in stretches],
        not_run_more=len(lines) == MAX_NOT_RUN,
        changes=scheduler.audit.read(since=now - _DAY, limit=MAX_CHANGES),
        lateness=scheduler.fleet.lateness(now - _HOUR, now),
        lateness_in_all=scheduler.fleet.lateness_in_all(now - _HOUR, now),
        outages=scheduler.fleet.outages(since, now),
        states=store.count_states(),
        within_hour=scheduler.jobs.histogram(now, now + _HOUR, _HOUR)[0][1],
    )


def _coming(stored: StoredSchedule, until: datetime) -> list[datetime]:
    last = to_us(until)
    soon = takewhile(lambda instant: instant[1] <= last, stored.instants())
    return [from_us(due) for _, due in islice(soon, MAX_COMING)]


def _stretches(lines: Iterable[NotRunLine]) -> list[NotRun]:
    """Newest first; those of a schedule that follow each other in the list are one."""
    found: dict[tuple[str, str], NotRun] = {}
    done: list[NotRun] = []
    for line in lines:
        if line.nominal is None:
            continue
        at, key = from_us(line.nominal), (line.id, line.letter)
        before = found.get(key)
        if before is None:
            others = {one.letter for one in found.values() if one.schedule_id == line.id}
            done += [found.pop((line.id, letter)) for letter in others]
            found[key] = NotRun(line.id, line.letter, at, at, 1, None)
        else:
            first, last = min(at, before.first), max(at, before.last)
            found[key] = NotRun(line.id, line.letter, first, last, before.count + 1, None)
    return sorted([*done, *found.values()], key=lambda one: one.last, reverse=True)


_OUTCOMES = {"m": "missed", "k": "skipped"}


def _told(one: NotRun, runs: Sequence[Run]) -> NotRun:
    """With the lines of history that tell of it, as far as they are kept: one line may be of many instants."""
    outcome = _OUTCOMES.get(one.letter)
    lines = [run for run in runs if run.nominal <= one.last and run.until >= one.first]
    if outcome is not None:
        lines = [run for run in lines if run.outcome == outcome]
    if not lines:
        return one
    last = max(one.last, *(run.until for run in lines)) if outcome is not None else one.last
    count = max(one.count, sum(run.count for run in lines)) if outcome is not None else one.count
    return replace(one, last=last, count=count, run=lines[0])
