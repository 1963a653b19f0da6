"""`scheduler.jobs`: one-off jobs that wait for their time, as a person looks after them, and jobs that RQ has already.

A face over the store. Unpickles nothing: what is shown of a job is text. Knows no key of Redis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from rq.defaults import DEFAULT_FAILURE_TTL
from rq.utils import utcparse

from rq_scheduler.aliases import DurationLike
from rq_scheduler.client.calls import call_of, called_by
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.clock import duration_us, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, check_encodable, check_texts, kind_of
from rq_scheduler.store import Store, StoredJob
from rq_scheduler.store.base import text
from rq_scheduler.triggers import MAX_US, MIN_US
from rq_scheduler.triggers.base import aware_us, not_negative

__all__ = ["Jobs", "PendingJob"]

MAX_STRETCHES = 1000
"""Stretches of time in one histogram: 1,000 take Redis a millisecond or two."""

MAX_LOOKED_AT = 10_000
"""Jobs that a search by their call looks at."""


@dataclass(frozen=True, slots=True)
class PendingJob:
    """A job that waits for its time, as it stood when it was read. Moments are aware UTC.

    call: its description, which is the call unless it was given another. recurs: it is a recurring job of `schedule` or
    `cron`, and `due` its next run. created_at: None where RQ's text cannot be read.
    """

    id: str
    due: datetime
    call: str
    queue_name: str
    recurs: bool
    created_at: datetime | None


class Jobs:
    """The pending jobs of one Redis, seen through a Scheduler; with `stop` and `move_queue`, jobs in RQ's hands."""

    def __init__(self, context: SchedulerContext) -> None:
        self._context = context

    # Reading

    def get(self, id: str) -> PendingJob | None:
        """The pending job of this id; None when none is. A time that no calendar has is the first or the last of it."""
        found = self._store.job(_id(id))
        if found is None:
            return None
        return self._views([replace(found, due=max(MIN_US, min(MAX_US, found.due)))])[0]

    def find(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        behind: PendingJob | None = None,
        call: str | None = None,
        limit: int = 100,
    ) -> list[PendingJob]:
        """The first `limit` of those due in [since, until) (aware), in due order. `behind` is the last one of the page
        before. Those whose job is gone, or has no time that a calendar has, are left out.

        `call`: only those whose call holds that text. That is a search: it ends after 10,000 jobs. Begin it anew behind
        a later moment.
        """
        not_negative(limit=limit)
        check_texts(call=call)
        if behind is not None and not isinstance(behind, PendingJob):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"behind={behind!r} is {kind_of(behind)}: give the last job of the page before")
        place = None if since is None else (aware_us(since, "since"), "")
        if behind is not None:
            place = aware_us(behind.due, "behind"), behind.id
        last = None if until is None else aware_us(until, "until") - 1
        length = limit if call is None else MAX_LOOKED_AT
        found: list[PendingJob] = []
        for page in self._store.pages(until=last, length=length, behind=place):
            wanted = [stored for stored in page if call is None or call in self._call(stored)]
            found += self._views(wanted[: limit - len(found)])
            if len(found) == limit:
                break
        return found

    def histogram(self, since: datetime, until: datetime, step: DurationLike = "15m") -> list[tuple[datetime, int]]:
        """How many are due in each `step` of [since, until) (aware): the beginning of each (aware UTC), and the number,
        recurring jobs of the 0.14 API included. One round trip; raises InvalidArgument for more than 1,000 steps."""
        first, last, size = aware_us(since, "since"), aware_us(until, "until"), duration_us(step, "step")
        if first >= last:
            raise InvalidArgument(f"since={since.isoformat()} is not before until={until.isoformat()}: turn them round")
        if size <= 0 or (last - first) > size * MAX_STRETCHES:
            raise InvalidArgument(f"step={step!r} makes more than {MAX_STRETCHES} stretches: give a longer one")
        bounds = [*range(first, last, size), last]
        counts = self._store.counts_by_time(bounds)
        return [(from_us(at), count) for at, count in zip(bounds, counts, strict=False)]

    def called(self, id: str) -> list[str] | None:
        """The dotted names of the function and the callbacks of a job that RQ or we have; none where there is no such
        job, None where that cannot be read. Nothing is loaded."""
        return called_by(self._store.job_fields(_id(id)))

    def traceback(self, job_id: str) -> str | None:
        """The traceback with which the last run of a job ended, such as a run of a schedule, as far as RQ still keeps
        it (its `failure_ttl`): text, its first MiB. None where RQ has none, or it cannot be read."""
        from rq_scheduler.dispatcher.exceptions import text_of  # too much for the start of every client

        return text_of(self._store.last_exception(_id(job_id))) or None

    # Changing

    def cancel(self, id: str) -> bool:
        """Take a job off the schedule, as `Scheduler.cancel`; whether it was pending. The audit says who did it."""
        return self._store.cancel(_id(id), DEFAULT_FAILURE_TTL, audited=True)

    def move(self, id: str, when: datetime) -> bool:
        """Move a job to another time (aware); False when it is not pending. The audit says who did it."""
        return self._store.reschedule(_id(id), aware_us(when, "when"), audited=True)

    def run_now(self, id: str) -> bool:
        """Have a job handed off at once, by the next dispatcher that looks; False when it is not pending."""
        return self._store.reschedule(_id(id), self._store.server_time(), audited=True)

    def spread(self, since: datetime, until: datetime, over: DurationLike = "2h") -> int:
        """Delay the one-offs that are due in [since, until) (aware), so that they come evenly `over` so long from
        `since` on; returns how many were moved. None becomes earlier; recurring jobs stay. Those that come into that
        time meanwhile may be passed over."""
        first, last, length = aware_us(since, "since"), aware_us(until, "until"), duration_us(over, "over")
        if first >= last:
            raise InvalidArgument(f"since={since.isoformat()} is not before until={until.isoformat()}: turn them round")
        if length <= last - first or first + length > MAX_US:
            raise InvalidArgument(
                f"over={over!r} is no longer than the time from since to until, "
                f"{timedelta(microseconds=last - first)}: give more, to spread them over"
            )
        return self._store.spread(first, last, length)

    # Jobs in RQ's hands

    def move_queue(self, queue_name: str, to: str) -> int:
        """Move the jobs that wait in an RQ queue to the end of another, in their order; returns how many. For a queue
        whose workers are gone."""
        for name, value in (("queue_name", queue_name), ("to", to)):
            if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give a queue's name")
            check_encodable(**{name: value})
            if not value:
                raise InvalidArgument(f"{name} is empty: give a queue's name")
        if queue_name == to:
            raise InvalidArgument(f"to={to!r} is the queue where they are: give another")
        return self._store.move_queue(queue_name, to)

    def stop(self, job_id: str) -> Literal["asked", "canceled"] | None:
        """End a job, such as a run of a schedule: one that a worker runs is asked to stop ("asked": RQ's command, which
        the worker obeys within about a second), one that waits in its queue is canceled ("canceled"). None where there
        is nothing to end.

        Raises JobUnreadable where RQ cannot read the job.
        """
        from rq_scheduler.dispatcher import end_run  # too much for the start of every client

        done = end_run(self._store, self._context.creator, _id(job_id), DEFAULT_FAILURE_TTL)
        if done is not None:
            self._store.note_action("stopped", job_id, how=done)
        return done

    # Below the public methods

    @property
    def _store(self) -> Store:
        return self._context.store

    def _views(self, page: list[StoredJob]) -> list[PendingJob]:
        recurring = self._store.recurring_among([stored.id for stored in page])
        return [
            PendingJob(
                stored.id,
                from_us(stored.due),
                self._call(stored),
                text(stored.fields.get(b"origin", b"")),
                stored.id in recurring,
                _created(stored),
            )
            for stored in page
            if MIN_US <= stored.due <= MAX_US
        ]

    def _call(self, stored: StoredJob) -> str:
        return call_of(stored.fields, hidden=self._context.hides_arguments)


def _created(stored: StoredJob) -> datetime | None:
    try:
        return utcparse(text(stored.fields.get(b"created_at", b"")))
    except ValueError:
        return None


def _id(id: object) -> str:
    if not isinstance(id, str):
        raise InvalidType(f"id={id!r} is {kind_of(id)}: give the job's id")
    check_encodable(id=id)
    return id
