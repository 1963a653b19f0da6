"""The work that runs want in each minute, and whether so many workers can take it. Pure.

The work of a run begins in the minute in which it is due, and takes one worker; what workers cannot take in a minute
waits for the next one. Minutes are those of a grid; knows nothing of what runs.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rq_scheduler.load import MINUTE, Grid, Runs, mean_pause

__all__ = ["Backlog", "Demand", "JitteredDemand", "backlogs"]

_LITTLE = 1e-6


class Demand:
    """The seconds of work that all runs which were added want in each minute. A run that takes more than a minute wants
    one worker for each of those that it lasts."""

    def __init__(self, grid: Grid) -> None:
        self._size = grid.minutes
        # By minute: the full minutes of work that begin and end there, and the work of the last minutes of runs.
        self._change = defaultdict[int, float](float)
        self._rest = defaultdict[int, float](float)

    def add(self, runs: Runs, schedules: int, seconds: float) -> None:
        """The runs of so many schedules, each of which lasts so long."""
        full, left = divmod(seconds, 60.0)
        for minute, count in runs.items():
            count *= schedules
            end = min(minute + int(full), self._size)
            if end > minute:
                self._change[minute] += count * 60.0
                self._change[end] -= count * 60.0
            self._rest[end] += count * left

    def add_all(self, other: Demand) -> None:
        """All runs that the other has."""
        for into, more in ((self._change, other._change), (self._rest, other._rest)):
            for minute, seconds in more.items():
                into[minute] += seconds

    def by_minute(self) -> array[float]:
        """The seconds, from the first minute of the grid on."""
        found, running = array("d", bytes(8 * self._size)), 0.0
        for minute in range(self._size):
            running += self._change.get(minute, 0.0)
            found[minute] = running + self._rest.get(minute, 0.0)
        return found


class JitteredDemand:
    """The demand that there would be if each schedule had at least some jitter, for any jitter up to the `longest`
    (microseconds).

    Jitter delays the work of a run as a whole, so that runs which it delays alike are added up first, and delayed
    together: what it costs to ask does not grow with the number of schedules.
    """

    def __init__(self, grid: Grid, longest: int) -> None:
        self._grid = grid
        self._longest = longest
        self._alike: dict[tuple[int, int], Demand] = {}

    def add(self, runs: Runs, schedules: int, seconds: float, jitter: int | None) -> None:
        """As `Demand.add`; `jitter` is what they have already, None for those that can have none."""
        pause = mean_pause(runs)
        bound = self._longest if pause is None else min(pause, self._longest)
        key = (self._longest if jitter is None else jitter, bound)
        if key not in self._alike:
            self._alike[key] = Demand(self._grid)
        self._alike[key].add(runs, schedules, seconds)

    def by_minute(self, jitter: int) -> array[float]:
        """The seconds of work in each minute, were the jitter of each at least that long, or the mean pause between two
        runs where that is less."""
        delayed: dict[int, Demand] = {}
        for (own, bound), demand in self._alike.items():
            by = 0 if own >= jitter else min(jitter, bound)
            delayed.setdefault(by, Demand(self._grid)).add_all(demand)
        found = array("d", bytes(8 * self._grid.minutes))
        for by, demand in delayed.items():
            for minute, seconds in enumerate(_delayed(demand.by_minute(), by)):
                found[minute] += seconds
        return found


def _delayed(wanted: array[float], by: int) -> array[float]:
    """The work of each minute, spread evenly over `by` microseconds from then on."""
    full, part = divmod(by, MINUTE)
    if by <= MINUTE:
        return wanted
    found, running = array("d", wanted), 0.0
    for minute, seconds in enumerate(wanted):
        leaving = wanted[minute - full] if minute >= full else 0.0
        running += seconds - leaving
        found[minute] = (running * MINUTE + leaving * part) / by
    return found


@dataclass(frozen=True, slots=True)
class Backlog:
    """A stretch of minutes [began, ended) at whose ends work is left over: `over` are those that want more than the
    workers have, `left` the most that is left over (seconds of work). `ended` is None where it outlasts the grid."""

    began: int
    ended: int | None
    over: tuple[int, ...]
    left: float


def backlogs(wanted: Sequence[float], workers: int) -> list[Backlog]:
    """Where so many workers cannot take the work of a minute, and how long it takes until they have; in order."""
    capacity = workers * 60.0
    found: list[Backlog] = []
    left = most = 0.0
    began: int | None = None
    over: list[int] = []
    for minute, seconds in enumerate(wanted):
        if seconds > capacity + _LITTLE:
            over.append(minute)
        left = max(0.0, left + seconds - capacity)
        if left > _LITTLE:
            began = minute if began is None else began
            most = max(most, left)
        elif began is not None:
            found.append(Backlog(began, minute, tuple(over), most))
            began, over, most, left = None, [], 0.0, 0.0
    if began is not None:
        found.append(Backlog(began, None, tuple(over), most))
    return found
