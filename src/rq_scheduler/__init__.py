"""rq-scheduler: says when RQ jobs run, keeps that in Redis, and hands each one off once and on time."""

from __future__ import annotations

from rq_scheduler import utils
from rq_scheduler._version import VERSION, __version__
from rq_scheduler.quarantine import Quarantined, RetryResult
from rq_scheduler.runs import current_run
from rq_scheduler.schedule import Schedule
from rq_scheduler.scheduler import Scheduler
from rq_scheduler.schedules import Run, StoredSchedule, SyncResult, UpcomingRun
from rq_scheduler.triggers import AnyOf, At, Cron, Dates, Every, Holidays, RRule

__all__ = [
    "VERSION",
    "AnyOf",
    "At",
    "Cron",
    "Dates",
    "Every",
    "Holidays",
    "Quarantined",
    "RRule",
    "RetryResult",
    "Run",
    "Schedule",
    "Scheduler",
    "StoredSchedule",
    "SyncResult",
    "UpcomingRun",
    "__version__",
    "current_run",
    "utils",
]
