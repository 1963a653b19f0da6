"""What a dispatcher can be told. Knows nothing of how it is told (command line, `Scheduler.run`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rq.job import Job
from rq.queue import Queue

from rq_scheduler.aliases import RqOverdue


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices about what is served and how.

    adopt: make schedules of recurring jobs that a 0.14 client wrote (else they go to quarantine).
    adopt_timezones: IANA zones in which their cron strings are read: the first, and where a pending time does not fit
        that one, the only one of the others that it fits. None: this host's.
    take_fence: do not wait for the lock of a 0.14 daemon that was killed.
    rq_registries: serve RQ's own scheduled jobs too.
    rq_overdue: what to do with those over an hour overdue that nobody was serving.
    allow_eviction: start although Redis may evict schedules.
    """

    adopt: bool = True
    adopt_timezones: tuple[str, ...] = ()
    take_fence: bool = False
    rq_registries: bool = True
    rq_overdue: RqOverdue = "hold"
    allow_eviction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Code of an application that takes part in each hand-off: the methods that a `Scheduler` subclass overrides."""

    enqueue_job: Callable[[Job], object] | None = None
    get_queue_for_job: Callable[[Job], Queue] | None = None

    def __bool__(self) -> bool:
        return self.enqueue_job is not None or self.get_queue_for_job is not None
