"""The load of one queue, from its schedules, those alike together: when how many of their runs are due, where that is
more than its workers can take, and which jitter would let it fit.

The arithmetic is that of `rq_scheduler.load` and `rq_scheduler.demand`. Reads nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rq_scheduler import load
from rq_scheduler.clock import US, from_us
from rq_scheduler.demand import Backlog, Demand, JitteredDemand, backlogs
from rq_scheduler.load import MINUTE, Grid, Runs
from rq_scheduler.model import Spec
from rq_scheduler.serialization import Duration
from rq_scheduler.triggers import AnyTrigger, Every

__all__ = ["Alike", "Beside", "Crowd", "HourLoad", "Peak", "QueueLoad", "queue_load", "runs_beside"]

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
class Beside:
    """What is due in a queue in the minute from `began` on (aware UTC) beside a run of one schedule: how many runs of
    others, and whose they are, the most first."""

    began: datetime
    runs: float
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


@dataclass(slots=True)
class Alike:
    """Schedules of one queue that run in the same minutes: `count` of them, of which `known` have a mean duration,
    `seconds` together."""

    spec: Spec
    runs: Runs
    exact: bool
    of_jobs: bool
    count: int = 0
    known: int = 0
    seconds: float = 0.0
    ids: list[str] = field(default_factory=list[str])

    def add(self, id: str, seconds: float | None) -> None:
        """One more; `seconds` is its mean duration, if that is known."""
        self.count += 1
        if seconds is not None:
            self.seconds += seconds
            self.known += 1
        if len(self.ids) < MAX_NAMED:
            self.ids.append(id)

    @property
    def jitter(self) -> int | None:
        """Its jitter in microseconds; None where it can have none."""
        return None if self.of_jobs else (self.spec.jitter or Duration()).us


def queue_load(name: str, groups: Iterable[Alike], workers: int, grid: Grid) -> QueueLoad:
    """What is due in that queue, on which so many workers listen."""
    alike = list(groups)
    known = sum(one.known for one in alike)
    assumed = sum(one.seconds for one in alike) / known if known else None
    lasting = [(one.seconds + (one.count - one.known) * (assumed or 0.0)) / one.count for one in alike]
    minutes = load.by_minute(((one.runs, one.count) for one in alike), grid)
    work = _work(alike, lasting, grid)
    found = backlogs(_demand(alike, lasting, grid).by_minute(), workers) if workers else []
    worst = sorted(sorted(found, key=lambda one: -one.left)[:MAX_PEAKS], key=lambda one: one.began)
    crowds = _crowds([one.over for one in worst], alike)
    peaks = tuple(_peak(one, crowd, minutes, workers, grid) for one, crowd in zip(worst, crowds, strict=True))
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


def runs_beside(groups: Iterable[Alike], due: int, grid: Grid) -> Beside | None:
    """What they have in the minute in which a run is due (us); None where that is not looked at."""
    minute = grid.minute(due)
    if minute >= grid.minutes:
        return None
    (crowd,) = _crowds([[minute]], list(groups))
    return Beside(_moment(minute, grid), sum(one.runs for one in crowd), _most(crowd))


def _demand(alike: Sequence[Alike], lasting: Sequence[float], grid: Grid) -> Demand:
    demand = Demand(grid)
    for one, seconds in zip(alike, lasting, strict=True):
        demand.add(one.runs, one.count, seconds)
    return demand


def _fitting(alike: Sequence[Alike], lasting: Sequence[float], workers: int, grid: Grid) -> timedelta | None:
    """The shortest of the jitters tried with which no run waits for more than a minute."""
    demand = JitteredDemand(grid, _JITTERS[-1] * US)
    for one, seconds in zip(alike, lasting, strict=True):
        demand.add(one.runs, one.count, seconds, one.jitter)
    for seconds in _JITTERS:
        if all(one.left / workers <= _FITS for one in backlogs(demand.by_minute(seconds * US), workers)):
            return timedelta(seconds=seconds)
    return None


def _work(alike: Sequence[Alike], lasting: Sequence[float], grid: Grid) -> dict[int, float]:
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


def _peak(one: Backlog, crowd: Iterable[Crowd], minutes: Sequence[float], workers: int, grid: Grid) -> Peak:
    return Peak(
        began=_moment(one.began, grid),
        drained=None if one.ended is None else _moment(one.ended, grid),
        minutes=len(one.over),
        runs=sum(minutes[minute] for minute in one.over),
        wait=timedelta(seconds=one.left / workers),
        crowd=_most(crowd),
    )


def _most(crowd: Iterable[Crowd]) -> tuple[Crowd, ...]:
    return tuple(sorted(crowd, key=lambda crowd: -crowd.runs)[:MAX_CROWDS])


def _crowds(stretches: Sequence[Iterable[int]], alike: Sequence[Alike]) -> list[Collection[Crowd]]:
    """Whose runs are due in each of these stretches of minutes: all of them in one go over the schedules."""
    within = {minute: number for number, minutes in enumerate(stretches) for minute in minutes}
    crowds: list[dict[AnyTrigger, Crowd]] = [{} for _ in stretches]
    for each in alike:
        due = defaultdict[int, float](float)
        for minute in each.runs.keys() & within.keys():
            due[within[minute]] += each.runs[minute]
        if not due:
            continue
        trigger = each.spec.trigger
        if isinstance(trigger, Every):  # whatever it counts from
            trigger = trigger.with_anchor(0)
        for number, runs in due.items():
            known = crowds[number].get(trigger, Crowd(each.spec.trigger, 0.0, 0, ()))
            ids = (*known.ids, *each.ids)[:MAX_NAMED]
            crowds[number][trigger] = Crowd(
                known.trigger, known.runs + runs * each.count, known.schedules + each.count, ids
            )
    return [crowd.values() for crowd in crowds]


def _moment(minute: int, grid: Grid) -> datetime:
    return from_us(grid.begin + minute * MINUTE)
