"""What will run next, across all schedules: the instants of each, merged in due order.

Reads no more schedules than it shows runs, however many are stored.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile

from rq_scheduler.client.schedules.results import StoredSchedule, UpcomingRun
from rq_scheduler.clock import from_us
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import PAGE

__all__ = ["upcoming_runs"]


def upcoming_runs(
    store: Store, views: Callable[[Sequence[str]], list[StoredSchedule]], limit: int, within: int | None
) -> list[UpcomingRun]:
    """At most `limit` runs, those due within so many microseconds from now, in due order."""
    if limit == 0:
        return []
    horizon = None if within is None else store.server_time() + within
    # One more than is shown tells that no other comes before the last.
    coming = takewhile(lambda row: horizon is None or row[0] <= horizon, store.coming(limit + 1))
    heap: list[tuple[int, str, int, Iterator[tuple[int, int]]]] = []
    known: set[str] = set()
    found: list[UpcomingRun] = []
    following = next(coming, None)
    while len(found) < limit:
        if following is not None and (not heap or following <= heap[0][:2]):
            rows = [following, *islice(coming, min(PAGE, limit - len(found)) - 1)]
            new = [id for id in dict.fromkeys(id for _, id in rows) if id not in known]
            known.update(new)
            for view in views(new) if new else ():
                _push(heap, view.id, view.instants())
            following = next(coming, None)
            continue
        if not heap:
            break
        due, id, nominal, instants = heapq.heappop(heap)
        if horizon is not None and due > horizon:
            break
        found.append(UpcomingRun(id, from_us(nominal), from_us(due)))
        _push(heap, id, instants)
    return found


def _push(
    heap: list[tuple[int, str, int, Iterator[tuple[int, int]]]], id: str, instants: Iterator[tuple[int, int]]
) -> None:
    for nominal, due in instants:
        heapq.heappush(heap, (due, id, nominal, instants))
        return
