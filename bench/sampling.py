"""Rounds: who is measured when, and what the rounds say together.

Targets take turns (A B C, A B C, ...), so that a machine that is slow for a while is slow for all of them. The first
round warms up and does not count, but where there is no `warm_up`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One target in one round: what it did, in how long, with how much processor time of Redis and of its own process
    (seconds)."""

    jobs: int
    seconds: float
    redis: float
    process: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of several rounds."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


@dataclass(slots=True)
class Series:
    """One target over all rounds."""

    who: str
    samples: list[Sample] = field(default_factory=list[Sample])

    @property
    def jobs(self) -> int:
        return self.samples[0].jobs

    @property
    def rate(self) -> Figure:
        """Jobs a second."""
        return Figure([sample.jobs / sample.seconds for sample in self.samples])

    @property
    def redis(self) -> Figure:
        """Microseconds of Redis's processor time a job."""
        return Figure([sample.redis / sample.jobs * 1e6 for sample in self.samples])

    @property
    def total(self) -> Figure:
        """Microseconds of processor time a job, of Redis and the target's process together."""
        return Figure([(sample.redis + sample.process) / sample.jobs * 1e6 for sample in self.samples])


Round = Callable[[], Sample]


def interleave(rounds: int, targets: Mapping[str, Round], *, warm_up: bool = True) -> dict[str, Series]:
    """All targets in turn, round after round."""
    series = {who: Series(who) for who in targets}
    for number in range(rounds + warm_up):
        for who, measure in targets.items():
            sample = measure()
            if number or not warm_up:
                series[who].samples.append(sample)
    return series


def faster(ours: Series, theirs: Series) -> tuple[float, float, float]:
    """How many times faster ours is: by the clock, by Redis's processor time, and by all processor time."""
    return (
        ours.rate.median / theirs.rate.median,
        theirs.redis.median / ours.redis.median,
        theirs.total.median / ours.total.median,
    )
