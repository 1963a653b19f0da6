"""The load of each queue: which runs are due in each minute to come, and whether its workers can take them.

Reads all schedules that fit, a page at a time, and counts those alike together. The arithmetic is that of
`rq_scheduler.load`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rq_scheduler import load
from rq_scheduler.client.schedules.results import stored_schedule
from rq_scheduler.clock import US, from_us
from rq_scheduler.errors import SchedulerError
from rq_scheduler.load import MINUTE, Backlog, Grid, Runs
from rq_scheduler.model import Schedule, Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.serialization import Duration
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import Filter
from rq_scheduler.store.survey import Survey
from rq_scheduler.store.timings import TIMINGS
from rq_scheduler.triggers import AnyTrigger, Every

__all__ = ["Crowd", "HourLoad", "Load", "Peak", "QueueLoad", "read_load"]

MAX_PEAKS, MAX_CROWDS, MAX_NAMED = 20, 5, 5
"""Peaks of a queue, groups of a peak and ids of a group that are told."""

_JITTERS = (60, 120, 300, 600, 900, 1800, 3600, 7200)
"""Seconds of jitter that are tried."""

_FITS = 60.0
"""Seconds that a run may wait where a jitter is said to fit."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Schedules with one trigger: how many, the ids of the first few, and how many runs of them are due in a peak."""

    trigger: AnyTrigger
    runs: float
    schedules: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peak:
    """From `began` on more is due than the workers can take, until the queue has drained at `drained` (aware UTC; None
    where that is later than was looked at). `minutes`: how many of them want more than the workers have; `runs` are due
    in these; `wait`: how long a run waits at most. `crowd`: whose they are, the most runs first."""

    began: datetime
    drained: datetime | None
    minutes: int
    runs: float
    wait: timedelta
    crowd: tuple[Crowd, ...]


@dataclass(frozen=True, slots=True)
class HourLoad:
    """The hour (or what there is of it) from `began` on: how many runs are due, and the work in it."""

    began: datetime
    runs: float
    work: timedelta


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What is due in a queue. `workers` listen on it (on others, perhaps, too). `by_minute`: runs due, from the minute
    of `Load.since` on. `work`: by the mean durations of runs that succeeded; `unknown` schedules have none, and are
    taken to last as long as the others of the queue do on average (`assumed`; None where none is known).

    `peaks`: where more is due than the workers can take, in order; `jitter`: one that would let it fit, if each of its
    schedules had at least that; None where there is no peak, or none of those tried does. `exact` is False where dense
    runs are taken to come evenly over their jitter, or too many were counted.
    """

    queue: str
    schedules: int
    runs: float
    work: timedelta
    workers: int
    by_minute: Sequence[float]
    hours: tuple[HourLoad, ...]
    peaks: tuple[Peak, ...]
    jitter: timedelta | None
    unknown: int
    assumed: timedelta | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Load:
    """What is due in (since, until], aware UTC, by queue: those with peaks first, then the most work. `unreadable`
    schedules are not counted."""

    since: datetime
    until: datetime
    queues: tuple[QueueLoad, ...]
    unreadable: int = 0


@dataclass(slots=True)
class _Alike:
    """Schedules of one queue that run in the same minutes."""

    trigger: AnyTrigger
    spec: Spec
    runs: Runs
    exact: bool
    of_jobs: bool
    count: int
    seconds: float
    known: int
    ids: list[str]


_Key = Hashable


class _Counting:
    """Counts schedules, those alike together."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.queues = defaultdict[str, dict[_Key, _Alike]](dict)
        self._runs: dict[_Key, tuple[Runs, bool]] = {}

    def add(
        self,
        queue: str,
        id: str,
        spec: Spec,
        armed: tuple[int, int],
        left: int | None,
        seconds: float | None,
        job: bool,
    ) -> None:
        """One schedule, whose next run is `armed`."""
        key = load.alike(id, spec, armed, left, self.grid)
        found = self._runs.get(key)
        if found is None:
            found = self._runs[key] = load.runs_of(id, spec, armed, left, self.grid)
        runs, exact = found
        if not runs:
            return
        alike = self.queues[queue].get((key, job))
        if alike is None:
            alike = self.queues[queue][key, job] = _Alike(spec.trigger, spec, runs, exact, job, 0, 0.0, 0, [])
        alike.count += 1
        if seconds is not None:
            alike.seconds += seconds
            alike.known += 1
        if len(alike.ids) < MAX_NAMED:
            alike.ids.append(id)


def read_load(store: Store, wanted: Filter, now: int, until: int, adding: Schedule | None, queue: str) -> Load:
    """The load of the queues of those schedules, up to `until` (us). `adding`: a definition that is not put yet, which
    takes the place of the one of its id; its runs go to `queue`."""
    counting, unreadable = _Counting(Grid(now, until)), 0
    took: float | None = None
    for ids in store.find_schedules(wanted, page=TIMINGS):
        for stored in store.read_timings(ids):
            view = stored_schedule(stored, _nothing)
            seconds = None if view.mean_duration is None else view.mean_duration.total_seconds()
            if adding is not None and stored.id == adding.id:
                took = seconds
                continue
            armed = stored.armed
            if view.paused or (view.spec is not None and (armed is None or stored.due is None)):
                continue
            try:
                if view.spec is None or armed is None or stored.due is None:
                    unreadable += 1
                    continue
                counting.add(
                    view.queue_name, stored.id, view.spec, (armed, stored.due), view.runs_left, seconds,
                    stored.kind == "job",
                )  # fmt: skip
            except SchedulerError:
                unreadable += 1
    if adding is not None:
        spec, occurrences = adding.spec, Occurrences(adding.id, adding.spec, now)
        first = occurrences.after(now)
        if first is not None:
            anchored = occurrences.due(first)
            counting.add(queue, adding.id, spec, (first, anchored), adding.max_runs, took, False)
    heard: Mapping[str, int] = Survey(store.connection, store.keys).listened_queues()
    queues = [_queue(name, alike, heard.get(name, 0), counting.grid) for name, alike in counting.queues.items()]
    queues.sort(key=lambda one: (not one.peaks, -one.work, -one.runs, one.queue))
    return Load(from_us(now), from_us(until), tuple(queues), unreadable)


def _nothing() -> Any:
    raise NotImplementedError


def _queue(name: str, groups: Mapping[_Key, _Alike], workers: int, grid: Grid) -> QueueLoad:
    alike = list(groups.values())
    known = sum(one.known for one in alike)
    assumed = sum(one.seconds for one in alike) / known if known else None
    lasting = [(one.seconds + (one.count - one.known) * (assumed or 0.0)) / one.count for one in alike]
    minutes = load.by_minute(((one.runs, one.count) for one in alike), grid)
    work = _work(alike, lasting, grid)
    wanted = load.demand(_weighed(alike, lasting, None, grid), grid)
    found = load.backlogs(wanted, workers) if workers else []
    worst = sorted(sorted(found, key=lambda one: -one.left)[:MAX_PEAKS], key=lambda one: one.began)
    peaks = tuple(_peak(one, minutes, alike, workers, grid) for one in worst)
    total = sum(work.values())
    return QueueLoad(
        queue=name,
        schedules=sum(one.count for one in alike),
        runs=sum(minutes),
        work=timedelta(seconds=total),
        workers=workers,
        by_minute=tuple(minutes),
        hours=tuple(_hours(minutes, work, grid)),
        peaks=peaks,
        jitter=_fitting(alike, lasting, workers, grid) if peaks else None,
        unknown=sum(one.count - one.known for one in alike),
        assumed=None if assumed is None else timedelta(seconds=assumed),
        exact=all(one.exact for one in alike),
    )


def _weighed(
    alike: Sequence[_Alike], lasting: Sequence[float], jitter: int | None, grid: Grid
) -> Iterator[tuple[Runs, float]]:
    """The runs of each, as many as there are schedules, and how long one lasts; with at least that jitter."""
    for one, seconds in zip(alike, lasting, strict=True):
        runs = one.runs
        if jitter is not None and not one.of_jobs and (one.spec.jitter or Duration()).us < jitter:
            runs = load.spread(runs, jitter, grid)
        yield {minute: count * one.count for minute, count in runs.items()}, seconds


def _fitting(alike: Sequence[_Alike], lasting: Sequence[float], workers: int, grid: Grid) -> timedelta | None:
    """The shortest of the jitters tried with which no run waits for more than a minute."""
    for seconds in _JITTERS:
        wanted = load.demand(_weighed(alike, lasting, seconds * US, grid), grid)
        if all(one.left / workers <= _FITS for one in load.backlogs(wanted, workers)):
            return timedelta(seconds=seconds)
    return None


def _work(alike: Sequence[_Alike], lasting: Sequence[float], grid: Grid) -> dict[int, float]:
    """The seconds of work that fall due in each hour."""
    found = dict[int, float]()
    for one, seconds in zip(alike, lasting, strict=True):
        for minute, count in one.runs.items():
            hour = (grid.begin + minute * MINUTE) // (60 * MINUTE)
            found[hour] = found.get(hour, 0.0) + count * one.count * seconds
    return found


def _hours(minutes: Sequence[float], work: Mapping[int, float], grid: Grid) -> Iterator[HourLoad]:
    runs = Counter[int]()
    for minute, count in enumerate(minutes):
        runs[(grid.begin + minute * MINUTE) // (60 * MINUTE)] += count  # pyright: ignore[reportArgumentType]
    for hour, count in sorted(runs.items()):
        yield HourLoad(from_us(hour * 60 * MINUTE), count, timedelta(seconds=work.get(hour, 0.0)))


def _peak(one: Backlog, minutes: Sequence[float], alike: Sequence[_Alike], workers: int, grid: Grid) -> Peak:
    crowds: dict[AnyTrigger, Crowd] = {}
    for each in alike:
        runs = sum(each.runs.get(minute, 0.0) for minute in one.over) * each.count
        if runs:
            trigger = each.trigger
            if isinstance(trigger, Every):  # whatever it counts from
                trigger = trigger.with_anchor(0)
            crowd = crowds.get(trigger, Crowd(each.trigger, 0.0, 0, ()))
            ids = (*crowd.ids, *each.ids)[:MAX_NAMED]
            crowds[trigger] = Crowd(crowd.trigger, crowd.runs + runs, crowd.schedules + each.count, ids)
    largest = sorted(crowds.values(), key=lambda crowd: -crowd.runs)[:MAX_CROWDS]
    return Peak(
        began=_moment(one.began, grid),
        drained=None if one.ended is None else _moment(one.ended, grid),
        minutes=len(one.over),
        runs=sum(minutes[minute] for minute in one.over),
        wait=timedelta(seconds=one.left / workers),
        crowd=tuple(largest),
    )


def _moment(minute: int, grid: Grid) -> datetime:
    return from_us(grid.begin + minute * MINUTE)
