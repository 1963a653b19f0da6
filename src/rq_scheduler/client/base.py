"""One scheduler in one process: what it was built with, its queue and job classes, its name, its lock.

Owns the constructor of `Scheduler`, the Job Creator hook that subclasses override, and the instance's life in Redis.
Knows nothing of when jobs run.
"""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Callable, Hashable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Self, TypeVar, cast

from rq import Queue
from rq.job import Job
from rq.serializers import DefaultSerializer

from rq_scheduler._version import __version__
from rq_scheduler.aliases import Args, CallbackLike, DependsOn, DurationLike, Function, SerializerLike
from rq_scheduler.classes import load_class
from rq_scheduler.client.actor import actor_of
from rq_scheduler.client.connections import require_client, warn_about_synchronous_queues
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.key_names import KeyNames
from rq_scheduler.client.times import naive_utc
from rq_scheduler.clock import US, Clock, SystemClock
from rq_scheduler.errors import InvalidArgument, InvalidType, check_encodable, kind_of
from rq_scheduler.jobs import NO_NEWER, Connection, JobCreator, NewerOptions, meta_of
from rq_scheduler.log import log
from rq_scheduler.pickles import PlainPickles
from rq_scheduler.store import NewEntry, Store

__all__ = ["SchedulerBase", "context_of"]

_MAX_TTL = 1000 * 365 * 86_400


class SchedulerBase(KeyNames):
    """The part of `Scheduler` that is about the instance itself."""

    queue_class: type[Queue] = Queue
    _hides_arguments = False
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
        serializer: SerializerLike | None = None,
        *,
        actor: str | None = None,
    ) -> None:
        self._require_key_names()
        connection = require_client(connection)
        if queue is not None:
            if not isinstance(queue, Queue):  # pyright: ignore[reportUnnecessaryIsInstance]
                # Not its text: it may be a URL that was meant for connection=.
                raise InvalidType(f"queue is {kind_of(queue)} and no rq.Queue: give one, or its name as queue_name=")
            require_client(queue.connection, "the connection of queue")
        try:
            self._ttl = int(interval) + 10
            is_negative = interval < 0
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgument(f"interval={interval!r} is not a number of seconds") from error
        if is_negative or self._ttl > _MAX_TTL:
            problem = "negative" if is_negative else "more than a thousand years"
            raise InvalidArgument(f"interval={interval!r} is {problem}: give the seconds between two signs of life")
        if name is not None:
            if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidType(f"name={name!r} is {kind_of(name)}: give text, or leave it out for a random one")
            check_encodable(name=name)
        self.connection: Connection = connection
        self.queue_name: str = queue_name if queue is None else queue.name
        self._interval = interval
        if job_class is not None:
            self.job_class = load_class(job_class, Job, "job_class")
        if queue_class is not None:
            self.queue_class = load_class(queue_class, Queue, "queue_class")
        self.queue_class_name: str | None = queue_class if isinstance(queue_class, str) else None
        self.name: str = name or uuid.uuid4().hex
        self.log: logging.Logger = log
        self._lock_token: str | None = None
        self._lock_asked: str | None = None
        self._birth_asked: str | None = None
        self._clock: Clock = SystemClock()
        self._any_store = Store(connection, actor=actor_of(actor))
        if serializer is None and queue is not None:
            serializer = queue.serializer
        self._creator = JobCreator(connection, self.job_class, serializer)
        warn_about_synchronous_queues(queue, self.queue_class, connection)

    @property
    def key(self) -> str:
        """The Redis key of this instance's hash."""
        return self.redis_scheduler_namespace_prefix + self.name

    @property
    def _store(self) -> Store:
        self._require_key_names()  # an attribute may be set at any time
        return self._any_store

    @property
    def actor(self) -> str:
        """Who does what this object does, as the audit says it."""
        return self._any_store.actor

    @property
    def pid(self) -> int:
        """The id of this process: in a forked child, the child's."""
        return os.getpid()

    def _copied(self) -> Self:
        """Another one like this, whose parts are to be made anew."""
        other = copy(self)
        for name in [*vars(other)]:
            if isinstance(getattr(type(other), name, None), cached_property):
                del vars(other)[name]
        return other

    # Locks and life

    def acquire_lock(self) -> bool:
        """Take the lock that instances share for interval + 10 s; False while anybody, a dispatcher too, has it."""
        # A token for each attempt, kept where its answer is lost: what was taken then is found to be ours.
        asked, self._lock_asked = self._lock_asked or uuid.uuid4().hex, None
        try:
            taken = self._store.acquire_lock(asked, self._ttl) or self._store.holds_lock(asked)
        except BaseException:
            self._lock_asked = asked
            raise
        if taken:
            self._lock_token = asked
        return taken

    def remove_lock(self) -> None:
        """Give the lock back, if this instance holds it."""
        held, asked = self._lock_token, self._lock_asked
        for token in {held, asked}:
            if token is not None:
                self._store.release_lock(token)
        if self._lock_token == held:
            self._lock_token = None
        if self._lock_asked == asked:
            self._lock_asked = None

    def register_birth(self) -> None:
        """Announce this instance for interval + 10 seconds. Raises NameTaken, a ValueError, if its name is alive."""
        asked, self._birth_asked = self._birth_asked or uuid.uuid4().hex, None
        try:
            self._store.register_birth(self.name, self._life("birth"), self._ttl, token=asked)
        except BaseException:
            self._birth_asked = asked
            raise

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
        if not isinstance(job, Job):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"job={job!r} is {kind_of(job)}: give the job itself, such as get_job(id)")
        queue_class, recorded = self.queue_class, meta_of(job).get("queue_class_name")
        if recorded:
            queue_class = load_class(recorded, Queue, f"queue_class_name of job {job.id!r}")
        return queue_class(
            job.origin or self.queue_name,
            connection=cast("Any", self.connection),
            job_class=self.job_class,
            serializer=self._creator.serializer,
        )

    def _moment(self, given: Any) -> Any:
        """What a caller's datetime stands for: here a naive one means UTC, as it is. What is no datetime passes."""
        return given

    def _shown(self, us: int) -> datetime:
        """How callers are shown the time at which a job is due: naive, in UTC, as 0.14 has it."""
        return naive_utc(us)

    def _create_job(
        self,
        func: Function,
        args: Args | None = None,
        kwargs: Mapping[str, Any] | None = None,
        commit: bool = True,
        result_ttl: DurationLike | None = None,
        ttl: DurationLike | None = None,
        id: str | None = None,
        description: str | None = None,
        queue_name: str | None = None,
        timeout: DurationLike | None = None,
        meta: dict[Any, Any] | None = None,
        depends_on: DependsOn | None = None,
        on_success: CallbackLike | None = None,
        on_failure: CallbackLike | None = None,
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
            newer=NewerOptions(**newer) if newer else NO_NEWER,
        )
        if self.queue_class_name is not None:
            job.meta["queue_class_name"] = self.queue_class_name
        if commit:
            self._creator.fields(job)
            job.save()
        return job

    def _entry(self, job: Job, due: int, *, at_front: bool) -> NewEntry:
        if at_front:
            job.enqueue_at_front = True  # written to the hash, so that it survives a refetch
        return NewEntry(id=job.id, key=job.key, due=due, fields=self._creator.fields(job))


S = TypeVar("S", bound=SchedulerBase)


def context_of(scheduler: SchedulerBase) -> SchedulerContext:
    """What the parts of this Scheduler see of it."""
    return _Context(scheduler)


def hiding_arguments(scheduler: S) -> S:
    """This Scheduler for somebody who may not see arguments: calls are told without their values."""
    other = scheduler._copied()  # pyright: ignore[reportPrivateUsage]
    other._hides_arguments = True  # pyright: ignore[reportPrivateUsage]
    return other


def reading_plain_values(scheduler: S) -> S:
    """This Scheduler, but that it makes no objects of arguments that RQ's default serializer has pickled: for who
    shows and changes what anybody may have stored. A serializer of the application's own stays."""
    creator = scheduler._creator  # pyright: ignore[reportPrivateUsage]
    if creator.serializer is not DefaultSerializer:
        return scheduler
    other = scheduler._copied()  # pyright: ignore[reportPrivateUsage]
    other._creator = JobCreator(creator.connection, creator.job_class, PlainPickles)  # pyright: ignore[reportPrivateUsage]
    return other


@dataclass(frozen=True, slots=True)
class _Context:
    """The one reader of those attributes outside their class: on a Scheduler itself, public names would be API."""

    scheduler: SchedulerBase

    @property
    def store(self) -> Store:
        return self.scheduler._store  # pyright: ignore[reportPrivateUsage]

    @property
    def clock(self) -> Clock:
        return self.scheduler._clock  # pyright: ignore[reportPrivateUsage]

    @property
    def hides_arguments(self) -> bool:
        return self.scheduler._hides_arguments  # pyright: ignore[reportPrivateUsage]

    @property
    def creator(self) -> JobCreator:
        return self.scheduler._creator  # pyright: ignore[reportPrivateUsage]

    @property
    def create_job(self) -> Callable[..., Job]:
        return self.scheduler._create_job  # pyright: ignore[reportPrivateUsage]

    @property
    def job_defaults(self) -> Hashable | None:
        if getattr(self.create_job, "__func__", None) is not SchedulerBase._create_job:  # pyright: ignore[reportPrivateUsage]
            return None
        return self.scheduler.queue_name, self.scheduler.queue_class_name
