"""What comes next of everything: runs of schedules, and one-offs."""

from __future__ import annotations

from datetime import timedelta

from rq_scheduler.aliases import DurationLike
from rq_scheduler.client.base import context_of
from rq_scheduler.client.pending import PendingJob
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.client.schedules import UpcomingRun
from rq_scheduler.clock import duration_us, from_us
from rq_scheduler.errors import InvalidArgument

__all__ = ["what_comes"]


def what_comes(scheduler: Scheduler, within: DurationLike | None, limit: int) -> list[UpcomingRun | PendingJob]:
    """At most `limit` of them, those due `within` a time from now, in due order.

    Raises InvalidArgument or InvalidType for what is no length of time.
    """
    runs = scheduler.schedules.upcoming(within, limit)
    until = None
    if within is not None:
        now = from_us(context_of(scheduler).store.server_time())
        try:
            until = now + timedelta(microseconds=duration_us(within, "within"))
        except OverflowError:
            raise InvalidArgument(f"within={within!r} ends after the year 9999: give a shorter time") from None
    one_offs = (job for job in scheduler.jobs.find(until=until, limit=limit) if not job.recurs)
    return sorted([*runs, *one_offs], key=lambda run: run.due)[:limit]
