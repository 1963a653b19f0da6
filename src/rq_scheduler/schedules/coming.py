"""What will run next, across all schedules: the instants of each, merged in due order.

Reads no more schedules than it shows runs, but for those of the 0.14 API, which Redis keeps among all pending jobs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

from rq_scheduler.clock import from_us
from rq_scheduler.schedules.views import StoredSchedule, UpcomingRun
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import PAGE

__all__ = ["upcoming_runs"]


def upcoming_runs(
    store: Store, views: Callable[[Sequence[str]], list[StoredSchedule]], limit: int, within: int | None
) -> list[UpcomingRun]:
    """At most `limit` runs, those due within so many microseconds from now, in due order."""
    horizon = None if within is None else store.server_time() + within
    heap: list[tuple[int, str, int, Iterator[tuple[int, int]]]] = []
    for ids in _pages(store, limit, horizon):
        for view in views(ids):
            _push(heap, view.id, iter(view.instants()))
    found: list[UpcomingRun] = []
    while heap and len(found) < limit:
        due, id, nominal, instants = heapq.heappop(heap)
        if horizon is not None and due > horizon:
            break
        found.append(UpcomingRun(id, from_us(nominal), from_us(due)))
        _push(heap, id, instants)
    return found


def _pages(store: Store, limit: int, horizon: int | None) -> Iterator[list[str]]:
    """The ids of all schedules of which a run may be among the first `limit`: those whose next run is."""
    seen, armed = 0, set[str]()
    while seen < limit:
        rows = store.next_schedules(seen, min(PAGE, limit - seen))
        ids = [id for id, due in rows if horizon is None or due <= horizon]
        armed.update(ids)
        yield ids
        seen += len(rows)
        if len(rows) < PAGE or (horizon is not None and rows[-1][1] > horizon):
            break
    for ids in store.recurring_job_ids():
        yield [id for id in ids if id not in armed]


def _push(
    heap: list[tuple[int, str, int, Iterator[tuple[int, int]]]], id: str, instants: Iterator[tuple[int, int]]
) -> None:
    for nominal, due in instants:
        heapq.heappush(heap, (due, id, nominal, instants))
        return
