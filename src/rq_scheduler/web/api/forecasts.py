"""What lies ahead of many schedules together: changes of the clock, and the load of queues."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from rq_scheduler import Scheduler
from rq_scheduler.client.schedules import ClockChanges, Load, TouchedSchedule
from rq_scheduler.views import clock_changes, load
from rq_scheduler.web.api.cursors import cursor_of, read_cursor
from rq_scheduler.web.api.recent import Recent
from rq_scheduler.web.api.route import Answer, Call
from rq_scheduler.web.api.schedules import Limit

Name = Annotated[str, Meta(max_length=400)]


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which clock, how far ahead (`366d` unless given) and from when on; of which schedules; and how many groups of
    each change."""

    timezone: Name | None = None
    within: Name | None = None
    after: datetime | None = None
    tag: Name | None = None
    owner: Name | None = None
    queue_name: Name | None = None
    prefix: Name | None = None
    limit: Limit = 100


class TouchedQuery(ChangesQuery, frozen=True, forbid_unknown_fields=True):
    """The same, and which page."""

    cursor: str | None = None


class LoadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far ahead, and of which queue."""

    within: Name = "24h"
    queue_name: Name | None = None


_loads = Recent[Load]()
_changes = Recent[ClockChanges]()


def recent_changes(scheduler: Scheduler, **asked: Any) -> ClockChanges:
    """`Schedules.clock_changes`, of half a minute ago at most."""
    return _changes.get(scheduler.connection, tuple(asked.items()), lambda: scheduler.schedules.clock_changes(**asked))


def recent_load(scheduler: Scheduler, within: str, queue: str | None) -> Load:
    """`Schedules.load`, of half a minute ago at most."""
    return _loads.get(
        scheduler.connection, (within, queue), lambda: scheduler.schedules.load(within=within, queue_name=queue)
    )


def get_clock_changes(call: Call[ChangesQuery, None]) -> Answer:
    """What the next change of each zone's clock does to schedules. As of `since`: it is worked out anew each half
    minute."""
    found = recent_changes(call.scheduler, **_asked(call.query))
    return Answer(clock_changes.serialize(found, min(call.query.limit, call.settings.max_page)))


def get_load(call: Call[LoadQuery, None]) -> Answer:
    """How much is due in each queue, and where it is more than its workers can take. As of `since`: it is worked out
    anew each half minute."""
    return Answer(load.serialize(recent_load(call.scheduler, call.query.within, call.query.queue_name)))


def find_touched(call: Call[TouchedQuery, None]) -> Answer:
    """Each schedule that names times which the next change of its clock jumps over or shows twice, by id."""
    limit = min(call.query.limit, call.settings.max_page)
    behind = None if call.query.cursor is None else read_cursor(call.query.cursor, 1)[0]
    page, more = list[TouchedSchedule](), None
    for one in call.scheduler.schedules.touched_by_clocks(**_asked(call.query), behind=behind):
        # All that is told of one schedule stands on one page: the cursor is an id.
        if len(page) >= limit and page[-1].id != one.id:
            more = cursor_of(page[-1].id)
            break
        page.append(one)
    return Answer({"schedules": [clock_changes.touched(one) for one in page], "next": more})


def _asked(query: ChangesQuery) -> dict[str, Any]:
    names = ("timezone", "within", "after", "tag", "owner", "queue_name", "prefix")
    return {name: value for name in names if (value := getattr(query, name)) is not None}
