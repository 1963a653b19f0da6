"""`AsyncScheduler`: the Scheduler API for clients of `redis.asyncio`.

Owns what it is built from. The calls are those of `Scheduler`, whose code runs in a greenlet for each (`greenlets`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from copy import copy
from datetime import datetime
from functools import cached_property, partial, wraps
from typing import Any, Literal, NoReturn, ParamSpec, Protocol, Self, TypeVar, cast, overload

from redis.asyncio import Redis, RedisCluster
from rq import Queue
from rq.job import Job

from rq_scheduler import greenlets
from rq_scheduler.aio.awaited import Face, awaited, listed
from rq_scheduler.aio.parts import AsyncAudit, AsyncEvents, AsyncFleet, AsyncJobs, AsyncQuarantine, AsyncTokens
from rq_scheduler.aio.schedules import AsyncSchedules
from rq_scheduler.aliases import SerializerLike, Until
from rq_scheduler.aside import aside
from rq_scheduler.classes import load_class
from rq_scheduler.client.connections import require_async_client
from rq_scheduler.client.key_names import KeyNames
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.errors import InvalidType, SchedulerError
from rq_scheduler.store.loop_client import LoopClient

__all__ = ["AsyncScheduler"]

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=Scheduler)

HOOKS = ("_create_job", "enqueue_job", "get_queue_for_job")
"""What subclasses of Scheduler override: code of applications, which may block."""


class AsyncScheduler(Face, KeyNames):
    """`Scheduler` on an event loop: every call that asks Redis is awaited, what lists is an `async for`.

    `connection` (a `redis.asyncio.Redis` or `RedisCluster`) is required. `scheduler_class` (a class or a dotted path)
    is the subclass of Scheduler whose `_create_job`, `enqueue_job` and `get_queue_for_job` an application has
    overridden: they run in a thread. The other parameters are those of Scheduler.

    Building one sends nothing, and needs no loop; it belongs to the loop of its first call. Raises as Scheduler does,
    and SchedulerError where the package `greenlet` (extra [asyncio]) is missing.
    """

    scheduler_class: type[Scheduler] = Scheduler

    def __init__(
        self,
        queue_name: str = "default",
        queue: Queue | None = None,
        interval: float = 60,
        connection: Redis | RedisCluster | None = None,
        job_class: type[Job] | str | None = None,
        queue_class: type[Queue] | str | None = None,
        name: str | None = None,
        serializer: SerializerLike | None = None,
        *,
        actor: str | None = None,
        scheduler_class: type[Scheduler] | str | None = None,
    ) -> None:
        greenlets.require_greenlet()
        self._require_key_names()
        home = LoopClient(require_async_client(connection))
        if scheduler_class is not None:
            self.scheduler_class = load_class(scheduler_class, Scheduler, "scheduler_class")
        sync = self.scheduler_class(
            queue_name=queue_name,
            queue=queue,
            interval=interval,
            connection=cast("Any", home),
            job_class=job_class,
            queue_class=queue_class,
            name=name,
            serializer=serializer,
            actor=actor,
        )
        super().__init__(_with_hooks_aside(sync), home)

    # What it is

    @property
    def connection(self) -> Redis | RedisCluster:
        """The asyncio client."""
        return self._home.client

    @property
    def sync_scheduler(self) -> Scheduler:
        """The Scheduler that does the work, for what `run_sync` runs. Its connection is the asyncio client, so nothing
        else can call it on the loop."""
        return self._sync

    @property
    def queue_name(self) -> str:
        """The queue of jobs that name none."""
        return self.sync_scheduler.queue_name

    @property
    def queue_class(self) -> type[Queue]:
        """The class of the queues that jobs are handed to."""
        return self.sync_scheduler.queue_class

    @property
    def queue_class_name(self) -> str | None:
        """Its dotted path, where it was given so."""
        return self.sync_scheduler.queue_class_name

    @property
    def job_class(self) -> type[Job]:
        """The class of the jobs that are made and read."""
        return self.sync_scheduler.job_class

    @property
    def name(self) -> str:
        """The name of this instance."""
        return self.sync_scheduler.name

    @property
    def key(self) -> str:
        """The Redis key of this instance's hash."""
        return self.sync_scheduler.key

    @property
    def pid(self) -> int:
        """The id of this process: in a forked child, the child's."""
        return self.sync_scheduler.pid

    @property
    def actor(self) -> str:
        """Who does what this object does, as the audit says it."""
        return self.sync_scheduler.actor

    @property
    def log(self) -> logging.Logger:
        """Where it logs."""
        return self.sync_scheduler.log

    # What is reached through it

    @cached_property
    def schedules(self) -> AsyncSchedules:
        """Named, durable schedules: put, find, change, run and sync them."""
        return AsyncSchedules(self.sync_scheduler.schedules, self._home)

    @cached_property
    def quarantine(self) -> AsyncQuarantine:
        """What nothing could serve, with reasons: list it, put it back, forget it."""
        return AsyncQuarantine(self.sync_scheduler.quarantine, self._home)

    @cached_property
    def audit(self) -> AsyncAudit:
        """What people and programs did to schedules and jobs, when, and who."""
        return AsyncAudit(self.sync_scheduler.audit, self._home)

    @cached_property
    def events(self) -> AsyncEvents:
        """What happened to schedules, jobs, dispatchers and queues: read it, or follow it."""
        return AsyncEvents(self.sync_scheduler.events, self._home)

    @cached_property
    def fleet(self) -> AsyncFleet:
        """Who was there: dispatchers and workers, outages, queues that nobody serves."""
        return AsyncFleet(self.sync_scheduler.fleet, self._home)

    @cached_property
    def jobs(self) -> AsyncJobs:
        """Pending one-offs as a person looks after them: page, count, move and spread them; and jobs that RQ has."""
        return AsyncJobs(self.sync_scheduler.jobs, self._home)

    @cached_property
    def tokens(self) -> AsyncTokens:
        """Who may use the web: make tokens, list and revoke them."""
        return AsyncTokens(self.sync_scheduler.tokens, self._home)

    def acting_as(self, actor: str) -> Self:
        """This Scheduler for somebody else, whom the audit then names: "deploy 4711". Raises InvalidArgument or
        InvalidType for what is no name."""
        other = copy(self)
        for name in [*vars(other)]:
            if isinstance(getattr(type(other), name, None), cached_property):
                del vars(other)[name]
        other._sync = _with_hooks_aside(self.sync_scheduler.acting_as(actor))
        return other

    # The calls of Scheduler

    enqueue_at = awaited(Scheduler.enqueue_at)
    enqueue_in = awaited(Scheduler.enqueue_in)
    enqueue_many = awaited(Scheduler.enqueue_many, through="items")
    schedule = awaited(Scheduler.schedule)
    cron = awaited(Scheduler.cron)
    contains = awaited(Scheduler.__contains__)
    get_job = awaited(Scheduler.get_job)
    count = awaited(Scheduler.count)
    get_jobs: _GetJobs = cast("_GetJobs", listed(cast("Any", Scheduler.get_jobs)))
    get_jobs_to_queue: _GetJobsToQueue = cast("_GetJobsToQueue", listed(cast("Any", Scheduler.get_jobs_to_queue)))
    change_execution_time = awaited(Scheduler.change_execution_time)
    cancel = awaited(Scheduler.cancel)
    enqueue_job = awaited(Scheduler.enqueue_job)
    enqueue_jobs = awaited(Scheduler.enqueue_jobs)
    get_queue_for_job = awaited(Scheduler.get_queue_for_job)
    acquire_lock = awaited(Scheduler.acquire_lock)
    remove_lock = awaited(Scheduler.remove_lock)
    register_birth = awaited(Scheduler.register_birth)
    heartbeat = awaited(Scheduler.heartbeat)
    register_death = awaited(Scheduler.register_death)

    def __contains__(self, job_or_id: object) -> NoReturn:
        raise InvalidType(f"`in` cannot be awaited: await contains({job_or_id!r})")

    def run(self, *args: Any, **options: Any) -> NoReturn:
        """There is none: a dispatcher is a process of its own. Raises SchedulerError."""
        raise SchedulerError(
            "a dispatcher is a process of its own, and not a coroutine: start the command `rqscheduler` (or, in a "
            "process that does nothing else, Scheduler(connection=Redis(...)).run())"
        )

    # What of RQ's, and of the application's, is synchronous

    async def run_sync(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a synchronous function returns: a method of a job that this Scheduler gave, such as `job.refresh`, or
        code that calls `sync_scheduler`. The loop goes on whenever it waits for Redis, but not while it computes."""
        await self._home.pace.turn()
        return await greenlets.run(partial(function, *args, **kwargs))


def _with_hooks_aside(scheduler: S) -> S:
    """The Scheduler, with those of its hooks that a subclass overrides run in a thread."""
    for name in HOOKS:
        if getattr(type(scheduler), name) is not getattr(Scheduler, name):
            hook = getattr(type(scheduler), name).__get__(scheduler)
            setattr(scheduler, name, _aside(hook))
    return scheduler


def _aside(hook: Callable[P, T]) -> Callable[P, T]:
    @wraps(hook)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return aside(hook, *args, **kwargs)

    return call


class _GetJobs(Protocol):
    @overload
    def __call__(
        self,
        until: Until | None = None,
        with_times: Literal[False] = False,
        offset: int | None = None,
        length: int | None = None,
    ) -> AsyncIterator[Job]: ...
    @overload
    def __call__(
        self,
        until: Until | None,
        with_times: Literal[True],
        offset: int | None = None,
        length: int | None = None,
    ) -> AsyncIterator[tuple[Job, datetime]]: ...
    @overload
    def __call__(
        self,
        until: Until | None = None,
        *,
        with_times: Literal[True],
        offset: int | None = None,
        length: int | None = None,
    ) -> AsyncIterator[tuple[Job, datetime]]: ...
    @overload
    def __call__(
        self,
        until: Until | None = None,
        with_times: bool = False,
        offset: int | None = None,
        length: int | None = None,
    ) -> AsyncIterator[Job] | AsyncIterator[tuple[Job, datetime]]: ...


class _GetJobsToQueue(Protocol):
    @overload
    def __call__(self, with_times: Literal[False] = False) -> AsyncIterator[Job]: ...
    @overload
    def __call__(self, with_times: Literal[True]) -> AsyncIterator[tuple[Job, datetime]]: ...
    @overload
    def __call__(self, with_times: bool = False) -> AsyncIterator[Job] | AsyncIterator[tuple[Job, datetime]]: ...
