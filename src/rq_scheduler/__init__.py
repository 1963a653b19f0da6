"""rq-scheduler: says when RQ jobs run, keeps that in Redis, and hands each one off once and on time."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rq_scheduler._version import VERSION, __version__

__all__ = [
    "VERSION",
    "AnyOf",
    "AsyncScheduler",
    "At",
    "AuditEntry",
    "Cron",
    "Dates",
    "Event",
    "Every",
    "Explanation",
    "Holidays",
    "Lateness",
    "LeftOut",
    "Outage",
    "PendingJob",
    "Quarantined",
    "RRule",
    "RetryResult",
    "Run",
    "Schedule",
    "Scheduler",
    "SeenDispatcher",
    "SeenWorker",
    "StoredSchedule",
    "SyncResult",
    "UnservedQueue",
    "UpcomingRun",
    "Version",
    "__version__",
    "current_run",
]

if TYPE_CHECKING:
    from rq_scheduler.aio import AsyncScheduler
    from rq_scheduler.client.audit import AuditEntry
    from rq_scheduler.client.events import Event
    from rq_scheduler.client.fleet import Lateness, Outage, SeenDispatcher, SeenWorker, UnservedQueue
    from rq_scheduler.client.pending import PendingJob
    from rq_scheduler.client.quarantine import Quarantined, RetryResult
    from rq_scheduler.client.scheduler import Scheduler
    from rq_scheduler.client.schedules import LeftOut, Run, StoredSchedule, SyncResult, UpcomingRun, Version
    from rq_scheduler.client.schedules.explain import Explanation
    from rq_scheduler.model import Schedule
    from rq_scheduler.runs import current_run
    from rq_scheduler.triggers import AnyOf, At, Cron, Dates, Every, Holidays, RRule
else:
    # The same, when a name is first asked for: RQ and redis-py take a third of a second to import, and most of what
    # begins with this package (`rqscheduler --help`, a cron string, a schedule's definition) needs neither.
    _NAMES = {
        "aio": ("AsyncScheduler",),
        "client.audit": ("AuditEntry",),
        "client.events": ("Event",),
        "client.fleet": ("Lateness", "Outage", "SeenDispatcher", "SeenWorker", "UnservedQueue"),
        "client.pending": ("PendingJob",),
        "client.quarantine": ("Quarantined", "RetryResult"),
        "client.scheduler": ("Scheduler",),
        "client.schedules": ("LeftOut", "Run", "StoredSchedule", "SyncResult", "UpcomingRun", "Version"),
        "client.schedules.explain": ("Explanation",),
        "model": ("Schedule",),
        "runs": ("current_run",),
        "triggers": ("AnyOf", "At", "Cron", "Dates", "Every", "Holidays", "RRule"),
    }
    _HOMES = {name: module for module, names in _NAMES.items() for name in names}
    _MODULES = ("scheduler", "utils")  # `import rq_scheduler; rq_scheduler.utils`, as with 0.14

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f"rq_scheduler.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module 'rq_scheduler' has no attribute {name!r}")
        found = getattr(import_module(f"rq_scheduler.{_HOMES[name]}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_MODULES})
