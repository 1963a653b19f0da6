"""What a person wants to see first of one Redis: what needs somebody, what ran and what comes, what did not run, what
was changed. As a value.

Reads only, in a bounded number of round trips whatever is stored; knows no key of Redis, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice, takewhile

from rq_scheduler.client.audit import AuditEntry, shown
from rq_scheduler.client.base import context_of
from rq_scheduler.client.fleet import Lateness, Outage
from rq_scheduler.client.health import Health, read_health
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.client.schedules import Run, Schedules, StoredSchedule
from rq_scheduler.client.schedules.results import run_of_list, runs_of
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.store.history import HistoryLine
from rq_scheduler.store.runs import NotRunLine, RunLine
from rq_scheduler.store.schedules import Filter
from rq_scheduler.store.streams import StreamEntry
from rq_scheduler.store.survey import Survey
from rq_scheduler.triggers import MAX_US

__all__ = ["Lane", "NotRun", "Overview", "read_overview"]

MAX_LANES = 20
MAX_RUNS = 50
"""Of one lane."""

MAX_COMING = 61
"""Instants of one lane; what has as many is dense."""

MAX_NOT_RUN, MAX_TOLD = 500, 12
"""Lines of what did not run that are looked at, and stretches of them of which all is told."""

MAX_CHANGES, OTHER_CHANGES = 12, 6
"""Entries of the audit that are shown; so many of them, where there is more to show, that define nothing anew."""

MAX_AUDITED = 300
"""Entries of the audit, the newest ones, among which they are looked for."""

_DEFINING = frozenset({"changed", "undone", "deleted"})

MAX_UNSERVED, _BOUND = 3, 4
"""Queues without a worker of which it is said what goes there, and schedules that are named."""

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
    `letter` is that of the last outcomes; count: how many they are, or more if `at_least`; runs: the lines of history
    that tell of them, newest first: of what was skipped or missed each stretch, of others what is kept."""

    schedule_id: str
    letter: str
    first: datetime
    last: datetime
    count: int
    at_least: bool
    runs: Sequence[Run]

    @property
    def run(self) -> Run | None:
        """The newest of them."""
        return self.runs[0] if self.runs else None


@dataclass(frozen=True, slots=True)
class Overview:
    """What was found. since, until: of the time axis. lanes: what fails, is late or did not run, then what runs, then
    what comes next. not_run: the newest stretches; not_run_left: how many there are besides, or more if not_run_more.
    lateness: of the last hour, by minute; outages: on the axis. changes: of a day, newest first, those of definitions
    before others; changes_left: how many there are besides, or more if changes_more.
    running: schedules of which a run goes on; within_hour: one-offs that are due by then.
    bound_for: of queues with jobs and without a worker, the schedules that go there: the first ids, and how many."""

    health: Health
    since: datetime
    until: datetime
    lanes: Sequence[Lane]
    not_run: Sequence[NotRun]
    not_run_left: int
    not_run_more: bool
    changes: Sequence[AuditEntry]
    changes_left: int
    changes_more: bool
    lateness: Sequence[Lateness]
    lateness_in_all: Lateness | None
    outages: Sequence[Outage]
    states: Mapping[str, int]
    within_hour: int
    bound_for: Mapping[str, tuple[Sequence[str], int]]

    @property
    def now(self) -> datetime:
        """The server's time, aware UTC."""
        return self.health.now

    def lane(self, id: str) -> Lane | None:
        """The lane of a schedule, if it has one."""
        return next((lane for lane in self.lanes if lane.stored.id == id), None)


def read_overview(scheduler: Scheduler, before: timedelta, after: timedelta) -> Overview:
    """With a time axis from so long before now to so long after it."""
    context, schedules = context_of(scheduler), scheduler.schedules
    store = context.store
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
        *(one[0].id for one in stretches),
        *chain.from_iterable(store.find_schedules(Filter(state="running"), limit=MAX_LANES)),
        *troubles.paused_by_people.first,
        *(id for due, id in coming if due <= to_us(until)),
    ]
    ids = list(dict.fromkeys(wanted))[:MAX_LANES]
    found = schedules.read(ids)
    # How a run has ended says its line: what RQ still has of its job is not asked.
    at, histories = store.read_many_runs([one.id for one in found], MAX_RUNS, ended_jobs=False)
    first = to_us(min(since, now - _DAY))
    runs = {
        one.id: runs_of(rows if one.failed_in_a_row else _reaching(rows, first), at, kind)
        for one, (kind, rows) in zip(found, histories, strict=True)
    }
    audited = list(islice(store.read_audit(to_us(now - _DAY)), MAX_AUDITED))
    return Overview(
        health=health,
        since=since,
        until=until,
        lanes=[Lane(one, runs[one.id], _coming(one, until)) for one in found],
        not_run=[_told(one, runs.get(one[0].id, ())) for one in stretches[:MAX_TOLD]],
        not_run_left=max(0, len(stretches) - MAX_TOLD),
        not_run_more=len(lines) == MAX_NOT_RUN,
        changes=shown(context, _worth(audited)),
        changes_left=max(0, len(audited) - MAX_CHANGES),
        changes_more=len(audited) == MAX_AUDITED,
        lateness=scheduler.fleet.lateness(now - _HOUR, now),
        lateness_in_all=scheduler.fleet.lateness_in_all(now - _HOUR, now),
        outages=scheduler.fleet.outages(since, now),
        states=store.count_states(),
        within_hour=scheduler.jobs.histogram(now, now + _HOUR, _HOUR)[0][1],
        bound_for=_bound_for(schedules, health),
    )


def _reaching(rows: Sequence[RunLine], first: int) -> list[RunLine]:
    """Of a history, newest first: what reaches past that moment (us), and the newest line and run of all."""
    newest = next((row for row in rows if row.job_id), None)
    return [row for row in rows if row is rows[0] or row is newest or _last(row.line) >= first]


def _last(line: HistoryLine) -> int:
    goes_on = line.ended is None and line.outcome not in ("skipped", "missed")
    return MAX_US if goes_on else max(line.at, line.until, line.ended or 0)


def _bound_for(schedules: Schedules, health: Health) -> dict[str, tuple[Sequence[str], int]]:
    unserved = [name for name, waiting in health.queues.items() if waiting and not health.heard.get(name)]
    return {
        name: ([one.id for one in schedules.find(queue_name=name, limit=_BOUND)], schedules.count(queue_name=name))
        for name in unserved[:MAX_UNSERVED]
    }


def _worth(audited: Sequence[StreamEntry]) -> list[StreamEntry]:
    """Those that are shown: a change of a definition is not pushed out by pauses and runs by hand."""
    defining = [entry for entry in audited if entry.fields.get("action") in _DEFINING]
    others = [entry for entry in audited if entry.fields.get("action") not in _DEFINING]
    kept = defining[: max(MAX_CHANGES - OTHER_CHANGES, MAX_CHANGES - len(others))]
    kept += others[: MAX_CHANGES - len(kept)]
    return sorted(kept, key=lambda entry: entry.at, reverse=True)


def _coming(stored: StoredSchedule, until: datetime) -> list[datetime]:
    last = to_us(until)
    soon = takewhile(lambda instant: instant[1] <= last, stored.instants())
    return [from_us(due) for _, due in islice(soon, MAX_COMING)]


def _stretches(lines: Iterable[NotRunLine]) -> list[list[NotRunLine]]:
    """Those of a schedule that follow each other in the list, for the same reason; the newest first, and in each."""
    found: dict[str, list[NotRunLine]] = {}
    done: list[list[NotRunLine]] = []
    for line in lines:
        if line.nominal is None:
            continue
        before = found.get(line.id)
        if before is not None and before[0].letter == line.letter:
            before.append(line)
            continue
        if before is not None:
            done.append(before)
        found[line.id] = [line]
    return sorted([*done, *found.values()], key=lambda lines: lines[0].nominal or 0, reverse=True)


_OUTCOMES = {"m": "missed", "k": "skipped"}


def _told(lines: Sequence[NotRunLine], runs: Sequence[Run]) -> NotRun:
    """With the lines of history that tell of it, as far as they are kept; else with what the list says."""
    letter = lines[0].letter
    outcome = _OUTCOMES.get(letter)
    kept = {run.nominal: run for run in runs if outcome in (None, run.outcome)}
    firsts = [from_us(line.nominal) for line in lines if line.nominal is not None]
    if outcome is None:
        ended = [run for at in firsts if (run := kept.get(at)) is not None]
        return NotRun(lines[0].id, letter, min(firsts), max(firsts), len(lines), at_least=False, runs=ended)
    told = [kept.get(at) or run_of_list(line) for at, line in zip(firsts, lines, strict=True)]
    stretches = [run for run in told if run is not None]
    return NotRun(
        lines[0].id,
        letter,
        min(firsts),
        max(run.until for run in stretches),
        sum(run.count for run in stretches),
        at_least=any(run.at_least for run in stretches),
        runs=stretches,
    )
