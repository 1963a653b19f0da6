"""How many runs are due in each minute. Pure.

Runs of an interval are counted by arithmetic, those of other triggers by their instants. Knows no clock, no Redis and
no RQ; times are integer microseconds since the epoch unless a name says otherwise.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from rq_scheduler.clock import US
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.triggers import Every

__all__ = [
    "MINUTE",
    "MOST_INSTANTS",
    "Grid",
    "Runs",
    "alike",
    "by_minute",
    "mean_pause",
    "runs_of",
    "spread",
]

MINUTE = 60 * US

MOST_INSTANTS = 100_000
"""Instants of one timing that are counted one by one: each second of a day has a few less."""

EXACT_JITTER = 100
"""Runs of one schedule whose jitter is worked out one by one; of more, they are taken to come evenly."""

Runs = Mapping[int, float]
"""How many runs are due in which minute of the grid."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The minutes from the one that `now` lies in up to `until`."""

    now: int
    until: int

    @property
    def begin(self) -> int:
        """Where the first minute begins."""
        return self.now // MINUTE * MINUTE

    @property
    def minutes(self) -> int:
        """How many there are."""
        return -(-(self.until - self.begin) // MINUTE)

    def minute(self, us: int) -> int:
        """The minute of a due time; what is overdue is due in the first one."""
        return max(0, (us - self.begin) // MINUTE)


def alike(id: str, spec: Spec, armed: tuple[int, int], left: int | None, grid: Grid) -> Hashable:
    """What `runs_of` depends on: equal for schedules whose runs are due in the same minutes."""
    interval = _by_arithmetic(spec, left, grid)
    overdue = armed[1] < grid.now
    if interval:
        # Minutes begin at whole ones, so that fractions of a grain that divides the interval do not matter.
        grain = next(grain for grain in (MINUTE, US, 1_000, 1) if interval % grain == 0)
        phase = armed[0] % interval if overdue else armed[0]
        return interval, phase // grain, overdue, spec.catchup, _jitter(spec)
    by_id = id if _jitter(spec) else ""
    return by_id, spec.trigger, spec.start, spec.end, spec.exclude, spec.excluded, spec.catchup, armed, left


def runs_of(id: str, spec: Spec, armed: tuple[int, int], left: int | None, grid: Grid) -> tuple[Runs, bool]:
    """How many runs of a schedule whose next one is `armed` (nominal, due) come due in each minute, and whether that is
    exact: it is not for jitter of dense runs, nor beyond `MOST_INSTANTS`. Of what is overdue, one run is due at once
    where the latest is caught up, each where all are."""
    jitter, interval, occurrences = _jitter(spec), _by_arithmetic(spec, left, grid), Occurrences(id, spec, armed[0])
    found: dict[int, float] = {}
    nominal: int | None = armed[0]
    if armed[1] < grid.now and spec.catchup != "all":
        if spec.catchup == "latest" and left != 0:
            found[0] = 1
            left = None if left is None else left - 1
        nominal = occurrences.after(grid.now - 1)
    if nominal is None:
        return found, True
    if interval and nominal >= grid.now:
        counted = _of_interval(interval, nominal, grid)
        for minute, runs in (spread(counted, jitter, grid) if jitter else counted).items():
            found[minute] = found.get(minute, 0) + runs
        return found, not jitter
    count, most = 0, MOST_INSTANTS if left is None else min(left, MOST_INSTANTS)
    dense: dict[int, float] = {}
    while nominal is not None and count < most and nominal < grid.until:
        exactly = not jitter or count < EXACT_JITTER
        due = armed[1] if nominal == armed[0] else occurrences.due(nominal) if exactly else nominal
        if due < grid.until:
            into, minute = found if exactly else dense, grid.minute(due)
            into[minute] = into.get(minute, 0) + 1
        count += 1
        nominal = occurrences.after(nominal)
    for minute, runs in spread(dense, jitter, grid).items():
        found[minute] = found.get(minute, 0) + runs
    return found, not dense and count < MOST_INSTANTS


def _jitter(spec: Spec) -> int:
    return 0 if spec.jitter is None else spec.jitter.us


def _by_arithmetic(spec: Spec, left: int | None, grid: Grid) -> int | None:
    """The interval of a schedule whose runs need not be worked out one by one."""
    interval = _plain_interval(spec)
    if interval is None or left is not None or spec.catchup == "all":
        return None
    return interval if not _jitter(spec) or (grid.until - grid.now) // interval > EXACT_JITTER else None


def _plain_interval(spec: Spec) -> int | None:
    """The interval of a schedule that has no other instants; None where that is not all."""
    plain = isinstance(spec.trigger, Every) and not spec.exclude and spec.start is None and spec.end is None
    return spec.trigger.interval.us if plain and isinstance(spec.trigger, Every) else None


def _of_interval(interval: int, first: int, grid: Grid) -> Runs:
    found: dict[int, float] = {}
    if interval >= MINUTE:
        for at in range(first, grid.until, interval):
            minute = grid.minute(at)
            found[minute] = found.get(minute, 0) + 1
        return found
    for minute in range(grid.minutes):
        lo = max(grid.begin + minute * MINUTE, first)
        hi = min(grid.begin + (minute + 1) * MINUTE, grid.until)
        count = max(0, -((first - hi) // interval) - -((first - lo) // interval))
        if count:
            found[minute] = count
    return found


def spread(runs: Runs, jitter: int, grid: Grid) -> Runs:
    """The runs that are expected in each minute when each comes later by up to `jitter` microseconds, or by the mean
    pause between two of them where that is less."""
    if jitter <= 0 or not runs:
        return runs
    pause, size = mean_pause(runs), grid.minutes
    jitter = jitter if pause is None else min(jitter, pause)
    found: dict[int, float] = {}
    for minute in sorted(runs):
        left = jitter
        at = minute
        while left > 0 and at < size:
            found[at] = found.get(at, 0.0) + runs[minute] * min(MINUTE, left) / jitter
            left -= MINUTE
            at += 1
    return found


def mean_pause(runs: Runs) -> int | None:
    """The microseconds between two minutes that have runs, on average; None where there are no two."""
    return (max(runs) - min(runs)) * MINUTE // (len(runs) - 1) if len(runs) > 1 else None


def by_minute(runs: Iterable[tuple[Runs, int]], grid: Grid) -> array[float]:
    """The runs of all of them in each minute; each comes with how many schedules have it."""
    found = array("d", bytes(8 * grid.minutes))
    for each, schedules in runs:
        for minute, count in each.items():
            found[minute] += count * schedules
    return found
