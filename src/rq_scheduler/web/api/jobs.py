"""One-offs that wait for their time; runs that are stopped; what nothing could serve."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from rq_scheduler import Scheduler
from rq_scheduler.client.base import context_of
from rq_scheduler.client.coming import what_comes
from rq_scheduler.client.keywords import BulkOptions
from rq_scheduler.client.pending import PendingJob
from rq_scheduler.client.quarantine import Quarantined
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.errors import InvalidArgument, NotScheduled
from rq_scheduler.triggers.base import aware_us
from rq_scheduler.views import pending, serializers
from rq_scheduler.views.pending import NO_TRACEBACK
from rq_scheduler.web.api.cursors import cursor_of, read_cursor
from rq_scheduler.web.api.route import Answer, Call, NoQuery
from rq_scheduler.web.api.schedules import Limit
from rq_scheduler.web.problems import Refused
from rq_scheduler.web.security.definitions import or_typed, refusal, refused_fields
from rq_scheduler.web.settings import Settings


class JobsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those due in [since, until), and whose call holds a text: a search, which looks at 10,000 jobs at most."""

    since: datetime | None = None
    until: datetime | None = None
    call: Annotated[str, Meta(max_length=200)] | None = None
    limit: Limit = 100
    cursor: str | None = None


class UpcomingQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is due within a length of time from now, such as "2h"."""

    within: str | None = None
    limit: Limit = 20


class HeldQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Limit = 100


class NewJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A one-off: when (a moment with its offset), which function, and its arguments."""

    when: datetime
    func: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    queue_name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    timeout: Annotated[int, Meta(ge=1)] | None = None
    description: Annotated[str, Meta(max_length=500)] | None = None
    meta: dict[str, Any] = {}


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To when: a moment with its offset."""

    when: datetime


class MoveQueue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The queue to which the jobs go."""

    to: Annotated[str, Meta(min_length=1, max_length=200)]


def find_jobs(call: Call[JobsQuery, None]) -> Answer:
    """Jobs that wait for their time, in due order."""
    query = call.query
    limit = min(query.limit, call.settings.max_page)
    behind = None if query.cursor is None else behind_of(query.cursor)
    found = call.scheduler.jobs.find(
        since=query.since, until=query.until, behind=behind, call=query.call, limit=limit + 1
    )
    page = found[:limit]
    more = cursor_of(str(to_us(page[-1].due)), page[-1].id) if len(found) > limit else None
    return Answer({"jobs": [pending.serialize(job) for job in page], "next": more})


def make_job(call: Call[NoQuery, NewJob]) -> Answer:
    """Schedule a one-off."""
    body, settings = call.body, call.settings
    _refuse(refused_fields({"meta": body.meta}))
    _refuse(refusal([body.func], body.queue_name, settings.functions, settings.allow_queues))
    options: BulkOptions = {"meta": body.meta} if body.meta else {}
    if body.queue_name is not None:
        options["queue_name"] = body.queue_name
    if body.description is not None:
        options["job_description"] = body.description
    if body.timeout is not None:
        options["timeout"] = body.timeout
    aware_us(body.when, "when")
    (id,) = call.scheduler.enqueue_many([(body.when, body.func, tuple(body.args), body.kwargs)], **options)
    return Answer({"id": id, "done": "scheduled"}, 201)


def get_job(call: Call[NoQuery, None]) -> Answer:
    """A job that waits for its time."""
    job = call.scheduler.jobs.get(call.id)
    if job is None:
        raise _not_scheduled(call.id)
    return Answer(pending.serialize(job))


def get_traceback(call: Call[NoQuery, None]) -> Answer:
    """The traceback with which the last run of a job ended, as far as RQ still keeps it. It may show arguments."""
    if context_of(call.scheduler).hides_arguments:
        raise Refused(403, "not-allowed", "a traceback may show arguments, which are not shown to you")
    found = call.scheduler.jobs.traceback(call.id)
    if found is None:
        raise Refused(404, "not-found", NO_TRACEBACK.format(call.id))
    return Answer({"job_id": call.id, "traceback": found})


def cancel_job(call: Call[NoQuery, None]) -> Answer:
    """Take a job off the schedule."""
    if not call.scheduler.jobs.cancel(call.id):
        raise _not_scheduled(call.id)
    return Answer(None, 204)


def move_job(call: Call[NoQuery, Move]) -> Answer:
    """Move a job to another time. Whatever it calls, the application has scheduled that: nothing new is run."""
    if not call.scheduler.jobs.move(call.id, call.body.when):
        raise _not_scheduled(call.id)
    return Answer({"id": call.id, "done": "moved"})


def stop_run(call: Call[NoQuery, Any]) -> Answer:
    """End a run: a worker is asked to stop it, or it is taken out of its queue."""
    done = call.scheduler.jobs.stop(call.id)
    if done is None:
        raise Refused(404, "not-found", f"job {call.id!r} neither waits in a queue nor runs")
    return Answer({"id": call.id, "done": done})


def move_queue(call: Call[NoQuery, MoveQueue]) -> Answer:
    """Move the jobs that wait in a queue to the end of another, for one whose workers are gone. Nothing new is run."""
    to = call.body.to
    why = refusal_to_move(call.scheduler, to, call.settings)
    _refuse(why and or_typed(why, "jobs", "move-queue", call.id, to))
    return Answer({"id": call.id, "to": to, "moved": call.scheduler.jobs.move_queue(call.id, to)})


def refusal_to_move(scheduler: Scheduler, to: str, settings: Settings) -> str | None:
    """Why jobs are not moved to that queue by way of the web; None where they are."""
    return refusal((), None if to == scheduler.queue_name else to, settings.functions, settings.allow_queues)


def get_coming(call: Call[UpcomingQuery, None]) -> Answer:
    """What runs next: runs of all schedules, and one-offs."""
    limit = min(call.query.limit, call.settings.max_page)
    return Answer(serializers.upcoming(what_comes(call.scheduler, call.query.within, limit)))


def find_held(call: Call[HeldQuery, None]) -> Answer:
    """Some of what is in quarantine, in no order, and how many there are."""
    quarantine = call.scheduler.quarantine
    limit = min(call.query.limit, call.settings.max_page)
    page: list[Quarantined] = []
    for held in quarantine:
        if len(page) == limit:
            break
        page.append(held)
    return Answer({"quarantine": [serializers.quarantined(one) for one in page], "total": len(quarantine)})


def get_held(call: Call[NoQuery, None]) -> Answer:
    """An entry in quarantine."""
    held = call.scheduler.quarantine.get(call.id)
    if held is None:
        raise _not_held(call.id)
    return Answer(serializers.quarantined(held))


def retry_held(call: Call[NoQuery, Any]) -> Answer:
    """Put an entry back where it came from."""
    held = call.scheduler.quarantine.get(call.id)
    if held is None:
        raise _not_held(call.id)
    why = refusal(_called(call, held), None, call.settings.functions, ())
    _refuse(why and or_typed(why, "quarantine", "retry", call.id))
    if not call.scheduler.quarantine.retry(call.id):
        raise _not_held(call.id)
    return Answer({"id": call.id, "done": "retried"})


def purge_held(call: Call[NoQuery, None]) -> Answer:
    """Forget an entry."""
    if not call.scheduler.quarantine.purge(call.id):
        raise _not_held(call.id)
    return Answer(None, 204)


# Below the calls


def _called(call: Call[Any, Any], held: Quarantined) -> list[str]:
    """What it would run. Of a schedule the record says so; of a job, its bytes, of which nothing is loaded."""
    if held.kind == "schedule":
        return call.scheduler.schedules.called(held.id).functions
    return _called_by_job(call, held.id)


def _called_by_job(call: Call[Any, Any], id: str) -> list[str]:
    names = call.scheduler.jobs.called(id)
    if names is None:
        raise Refused(403, "not-allowed", f"what {id!r} would run cannot be read here, so that nobody can allow it")
    return names


def _refuse(why: str | None) -> None:
    if why is not None:
        raise Refused(403, "not-allowed", why)


def behind_of(cursor: str) -> PendingJob:
    """The place in the list that a cursor stands for. Raises Refused for what is none."""
    due, id = read_cursor(cursor, 2)
    try:
        return PendingJob(id, from_us(int(due)), "", "", recurs=False, created_at=None)
    except (ValueError, OverflowError, InvalidArgument):
        raise Refused(400, "bad-cursor", "cursor is no cursor of this list") from None


def _not_scheduled(id: str) -> NotScheduled:
    return NotScheduled(f"job {id!r} is not scheduled (any more)")


def _not_held(id: str) -> Refused:
    return Refused(404, "not-found", f"nothing of the id {id!r} is in quarantine")
