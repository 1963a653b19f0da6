"""What lies ahead of many schedules together: changes of the clock, and the load of queues."""

from __future__ import annotations

from collections.abc import Callable
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


LOOKED_AT = 2_000
"""Schedules that one page of those that are touched looks at."""

_WHICH = ("tag", "owner", "queue_name", "prefix")

_loads = Recent[Load]()
_changes = Recent[ClockChanges]()


def changes_soon(scheduler: Scheduler, timezone: str) -> ClockChanges | None:
    """`Schedules.clock_changes` of lately, of one zone or of all; None where they are still being worked out."""
    asked = {"timezone": timezone} if timezone else {}
    return _changes.soon(scheduler.connection, tuple(asked.items()), _looking_at_changes(scheduler, asked))


def load_soon(scheduler: Scheduler, within: str) -> Load | None:
    """`Schedules.load` of lately; None where it is still being worked out."""
    return _loads.soon(scheduler.connection, (within, None), _counting_load(scheduler, within, None))


def _looking_at_changes(scheduler: Scheduler, asked: dict[str, Any]) -> Callable[[], ClockChanges]:
    return lambda: scheduler.schedules.clock_changes(**asked)


def _counting_load(scheduler: Scheduler, within: str, queue: str | None) -> Callable[[], Load]:
    return lambda: scheduler.schedules.load(within=within, queue_name=queue)


def get_clock_changes(call: Call[ChangesQuery, None]) -> Answer:
    """What the next change of each zone's clock does to schedules. As of `since`: it is worked out anew each half
    minute."""
    asked = _asked(call.query)
    found = _changes.get(call.scheduler.connection, tuple(asked.items()), _looking_at_changes(call.scheduler, asked))
    return Answer(clock_changes.serialize(found, min(call.query.limit, call.settings.max_page)))


def get_load(call: Call[LoadQuery, None]) -> Answer:
    """How much is due in each queue, and where it is more than its workers can take. As of `since`: it is worked out
    anew each half minute."""
    within, queue = call.query.within, call.query.queue_name
    found = _loads.get(call.scheduler.connection, (within, queue), _counting_load(call.scheduler, within, queue))
    return Answer(load.serialize(found))


def find_touched(call: Call[TouchedQuery, None]) -> Answer:
    """Each schedule that names times which the next change of its clock jumps over or shows twice, by id. A page ends
    after 2,000 that were looked at, too: it may be empty, and have a next one."""
    limit = min(call.query.limit, call.settings.max_page)
    page, more = touched_page(call.scheduler, call.query.cursor, limit, **_asked(call.query))
    return Answer({"schedules": [clock_changes.touched(one) for one in page], "next": more})


def touched_page(
    scheduler: Scheduler, cursor: str | None, limit: int, **asked: Any
) -> tuple[list[TouchedSchedule], str | None]:
    """Those that are touched by the next changes, among the next `LOOKED_AT` schedules; and the cursor of the next
    page. All that is told of one schedule stands on one page: the cursor is an id."""
    schedules, behind = scheduler.schedules, None if cursor is None else read_cursor(cursor, 1)[0]
    which = {name: value for name in _WHICH if (value := asked.get(name)) is not None}
    last = schedules.find(**which, behind=behind, offset=LOOKED_AT - 1, limit=1)
    upto = last[0].id if last else None
    page = list[TouchedSchedule]()
    for one in schedules.touched_by_clocks(**asked, behind=behind, upto=upto):
        if len(page) >= limit and page[-1].id != one.id:
            return page, cursor_of(page[-1].id)
        page.append(one)
    return page, None if upto is None else cursor_of(upto)


def _asked(query: ChangesQuery) -> dict[str, Any]:
    names = ("timezone", "within", "after", *_WHICH)
    return {name: value for name in names if (value := getattr(query, name)) is not None}
