"""One scheduler in one process: what it was built with, its queue and job classes, its name, its lock.

Owns the constructor of `Scheduler`, the Job Creator hook that subclasses override, and the instance's life in Redis.
Knows nothing of when jobs run.
"""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from rq import Queue
from rq.job import Job

from rq_scheduler._version import __version__
from rq_scheduler.clock import US, Clock, SystemClock
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.jobs import Connection, Function, JobCreator, NewerOptions, load_class, meta_of
from rq_scheduler.store import Store
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.rq_format import KEY_PREFIX

__all__ = ["Duration", "Instance"]

Duration = float | timedelta | str
"""Seconds, a timedelta, or RQ's text such as "10m"."""

_KEYS = Keys(KEY_PREFIX)


class Instance:
    """The part of `Scheduler` that is about the instance itself."""

    scheduler_key = f"{KEY_PREFIX}:scheduler"
    scheduler_lock_key = _KEYS.fence
    scheduled_jobs_key = _KEYS.scheduled_jobs
    redis_scheduler_namespace_prefix = _KEYS.instance_prefix
    queue_class: type[Queue] = Queue
    job_class: type[Job] = Job

    def __init__(
        self,
        queue_name: str = "default",
        queue: Queue | None = None,
        interval: float = 60,
        connection: Connection | None = None,
        job_class: type[Job] | str | None = None,
        queue_class: type[Queue] | str | None = None,
        name: str | None = None,
        serializer: Any = None,
    ) -> None:
        if connection is None:
            raise InvalidArgument("connection is required: Scheduler(..., connection=Redis())")
        if queue is not None and not isinstance(queue, Queue):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"queue={queue!r} is not an rq.Queue: give one, or its name as queue_name=")
        try:
            self._ttl = int(interval) + 10
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgument(f"interval={interval!r} is not a number of seconds") from error
        if interval < 0:
            raise InvalidArgument(f"interval={interval!r} is negative: give the seconds between two signs of life")
        self.connection = connection
        self.queue_name = queue_name if queue is None else queue.name
        self._interval = interval
        if job_class is not None:
            self.job_class = load_class(job_class, Job, "job_class")
        if queue_class is not None:
            self.queue_class = load_class(queue_class, Queue, "queue_class")
        self._queue_class_name = queue_class if isinstance(queue_class, str) else None
        self.name = name or uuid.uuid4().hex
        self.pid = os.getpid()
        self.log = logging.getLogger("rq_scheduler.scheduler")  # 0.14's name
        self._lock_token = uuid.uuid4().hex
        self._clock: Clock = SystemClock()
        self._store = Store(connection)
        if serializer is None and queue is not None:
            serializer = queue.serializer
        self._creator = JobCreator(connection, self.job_class, serializer)

    @property
    def key(self) -> str:
        """The Redis key of this instance's hash."""
        return self.redis_scheduler_namespace_prefix + self.name

    # Locks and life

    def acquire_lock(self) -> bool:
        """Take the lock that instances share for interval + 10 s; False while anybody, a dispatcher too, has it."""
        return self._store.acquire_lock(self._lock_token, self._ttl)

    def remove_lock(self) -> None:
        """Give the lock back, if this instance holds it."""
        self._store.release_lock(self._lock_token)

    def register_birth(self) -> None:
        """Announce this instance for interval + 10 seconds. Raises NameTaken, a ValueError, if its name is alive."""
        self._store.register_birth(self.name, self._life("birth"), self._ttl)

    def heartbeat(self) -> None:
        """Keep this instance announced for another interval + 10 seconds."""
        self._store.heartbeat(self.name, self._life("heartbeat"), self._ttl)

    def register_death(self) -> None:
        """End the announcement; the name is free again."""
        self._store.register_death(self.name)

    def _life(self, event: str) -> dict[str, Any]:
        now = self._clock.now_us() / US
        return {event: now, "hostname": socket.gethostname(), "pid": self.pid, "version": __version__}

    # What subclasses override

    def get_queue_for_job(self, job: Job) -> Queue:
        """The queue that the job names, of the queue class recorded in its meta, else of this scheduler's."""
        queue_class, recorded = self.queue_class, meta_of(job).get("queue_class_name")
        if recorded:
            queue_class = load_class(recorded, Queue, f"queue_class_name of job {job.id!r}")
        return queue_class(
            job.origin or self.queue_name,
            connection=cast("Any", self.connection),
            job_class=self.job_class,
            serializer=self._creator.serializer,
        )

    def _create_job(
        self,
        func: Function,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        commit: bool = True,
        result_ttl: Duration | None = None,
        ttl: Duration | None = None,
        id: str | None = None,
        description: str | None = None,
        queue_name: str | None = None,
        timeout: Duration | None = None,
        meta: dict[Any, Any] | None = None,
        depends_on: Any = None,
        on_success: Any = None,
        on_failure: Any = None,
        **newer: Any,
    ) -> Job:
        """The Job Creator, which subclasses override (django-rq does): every public method calls it with keywords.

        Builds a job with status `scheduled` and saves it unless `commit=False`. `newer` (failure_ttl, on_stopped,
        retry, repeat, webhooks) comes only when a caller gave it, so that overrides with 0.14's signature keep working.
        """
        job = self._creator.create(
            func,
            args,
            kwargs,
            origin=queue_name or self.queue_name,
            id=id,
            timeout=timeout,
            result_ttl=result_ttl,
            ttl=ttl,
            description=description,
            meta=meta,
            depends_on=depends_on,
            on_success=on_success,
            on_failure=on_failure,
            newer=NewerOptions(**newer),
        )
        if self._queue_class_name is not None:
            job.meta["queue_class_name"] = self._queue_class_name
        if commit:
            self._creator.fields(job)
            job.save()
        return job
