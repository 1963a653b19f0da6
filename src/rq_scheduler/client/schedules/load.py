"""The load of each queue: which runs are due in each minute to come, and whether its workers can take them.

Reads all schedules that fit, a page at a time, and counts those alike together; `queue_load` makes of them what is
told of each queue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rq_scheduler import load
from rq_scheduler.client.schedules.fields import is_paused, mean_duration_of, runs_left_of, spec_of
from rq_scheduler.client.schedules.queue_load import Alike, Beside, QueueLoad, queue_load, runs_beside
from rq_scheduler.clock import from_us
from rq_scheduler.errors import SchedulerError
from rq_scheduler.load import Grid, Runs
from rq_scheduler.model import Schedule, Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import Filter
from rq_scheduler.store.survey import Survey
from rq_scheduler.store.timings import TIMINGS

__all__ = ["Load", "read_load"]


@dataclass(frozen=True, slots=True)
class Load:
    """What is due in (since, until], aware UTC, by queue: those with peaks first, then the most work. `unreadable`
    schedules are not counted. `beside`: what others have in the minute of the next run of the definition that was
    added; None without one, or where its next run is later than was looked at."""

    since: datetime
    until: datetime
    queues: tuple[QueueLoad, ...]
    unreadable: int = 0
    beside: Beside | None = None


class _Counting:
    """Counts schedules, those alike together."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.queues = defaultdict[str, dict[Hashable, Alike]](dict)
        self._runs: dict[Hashable, tuple[Runs, bool]] = {}

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
            alike = self.queues[queue][key, job] = Alike(spec, runs, exact, job)
        alike.add(id, seconds)


def read_load(store: Store, wanted: Filter, now: int, until: int, adding: Schedule | None, queue: str) -> Load:
    """The load of the queues of those schedules, up to `until` (us). `adding`: a definition that is not put yet, which
    takes the place of the one of its id; its runs go to `queue`."""
    counting, unreadable = _Counting(Grid(now, until)), 0
    took: float | None = None
    for ids in store.find_schedules(wanted, page=TIMINGS):
        for stored in store.read_timings(ids):
            mean = mean_duration_of(stored)
            seconds = None if mean is None else mean.total_seconds()
            if adding is not None and stored.id == adding.id:
                took = seconds
                continue
            spec, armed, due = spec_of(stored), stored.armed, stored.due
            if is_paused(stored) or (spec is not None and (armed is None or due is None)):
                continue
            try:
                if spec is None or armed is None or due is None:
                    unreadable += 1
                    continue
                counting.add(
                    stored.text("queue"), stored.id, spec, (armed, due), runs_left_of(stored, spec), seconds,
                    stored.kind == "job",
                )  # fmt: skip
            except SchedulerError:
                unreadable += 1
    beside: Beside | None = None
    if adding is not None:
        spec, occurrences = adding.spec, Occurrences(adding.id, adding.spec, now)
        first = occurrences.after(now)
        if first is not None:
            anchored = occurrences.due(first)
            beside = runs_beside(counting.queues[queue].values(), anchored, counting.grid)
            counting.add(queue, adding.id, spec, (first, anchored), adding.max_runs, took, False)
    heard: Mapping[str, int] = Survey(store.connection, store.keys).listened_queues()
    queues = [
        queue_load(name, alike.values(), heard.get(name, 0), counting.grid) for name, alike in counting.queues.items()
    ]
    queues.sort(key=lambda one: (not one.peaks, -one.work, -one.runs, one.queue))
    return Load(from_us(now), from_us(until), tuple(queues), unreadable, beside)
