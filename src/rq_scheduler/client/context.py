"""What `scheduler.schedules` and `scheduler.quarantine` need of the Scheduler that they belong to, and no more."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from rq.job import Job

from rq_scheduler.clock import Clock
from rq_scheduler.jobs import JobCreator
from rq_scheduler.store import Store

__all__ = ["SchedulerContext"]


class SchedulerContext(Protocol):
    """Read each time it is needed: what it gives may change during the Scheduler's life."""

    @property
    def store(self) -> Store:
        """Its store. Raises InvalidArgument where somebody has given its key names other values."""
        ...

    @property
    def clock(self) -> Clock:
        """Python's clock, as the Scheduler reads it."""
        ...

    @property
    def creator(self) -> JobCreator:
        """What builds RQ jobs, and reads them back, with its serializer."""
        ...

    @property
    def hides_arguments(self) -> bool:
        """Whether whoever asks may see no values of arguments."""
        ...

    @property
    def create_job(self) -> Callable[..., Job]:
        """Its `_create_job`, the override of a subclass where there is one; to be called with keywords."""
        ...

    @property
    def job_defaults(self) -> Hashable | None:
        """What `create_job` takes from the Scheduler: while that is equal, it makes equal jobs of equal options. None
        where a subclass overrides it."""
        ...
