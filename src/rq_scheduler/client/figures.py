"""How much there is of everything, and what was ever done, as values: what metrics show.

Reads only, in two bounded round trips; knows no key of Redis, and judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rq_scheduler.client.schedules import Schedules, StoredSchedule
from rq_scheduler.clock import US
from rq_scheduler.store.counts import Figures
from rq_scheduler.store.survey import Survey

__all__ = ["FleetFigures", "read_figures", "tagged_schedules"]


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """`figures` as they stand. clock_offset: seconds by which this host's clock is ahead of Redis's. oldest_due_age:
    seconds since the first of what is due was due, None where nothing is."""

    figures: Figures
    clock_offset: float
    oldest_due_age: float | None


def read_figures(survey: Survey) -> FleetFigures:
    """Asks Redis for all of it. Raises redis-py's errors."""
    before = time.time()
    now = survey.now()
    here = (before + time.time()) / 2  # of the round trip, the server has looked at its clock about halfway
    figures = survey.figures(now)
    first = figures.counts.next_due
    age = None if first is None or first > now else (now - first) / US
    return FleetFigures(figures, here - now / US, age)


def tagged_schedules(schedules: Schedules, tags: Sequence[str], most: int) -> Iterator[StoredSchedule]:
    """The schedules that have one of these tags, each once, and so many at most."""
    seen = set[str]()
    for tag in tags:
        for found in islice(schedules.find_iter(tag=tag, limit=most), most):
            if len(seen) >= most:
                return
            if found.id not in seen:
                seen.add(found.id)
                yield found
