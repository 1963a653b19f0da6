"""Entries that RQ itself, or the application, has to enqueue: dependencies, rate limits, queue classes, hooks.

One at a time, each in a transaction of its own; a fault of one is told and put off, and holds up nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import getattr_static
from typing import Any

from redis.exceptions import RedisError
from rq.job import Job
from rq.queue import Queue

from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.options import Hooks
from rq_scheduler.jobs import JobCreator, load_class
from rq_scheduler.store import Rearm, Store, StoredJob
from rq_scheduler.store.handoff import Fire

LEASE = 60
"""Seconds for which one dispatcher has an entry to itself while the application's code hands it off. Should that
code die with it, another tries again after so long: at least once, where everything else is exactly once."""


class SlowPath:
    """Hands entries off through RQ's own code."""

    def __init__(self, store: Store, jobs: JobCreator, queue_class: type[Queue], hooks: Hooks, events: Events) -> None:
        self._store = store
        self._jobs = jobs
        self._queue_class = queue_class
        self._hooks = hooks
        self._events = events

    def hand_off(self, id: str, due: int, index: str, queue_name: str | None = None) -> bool:
        """Hands a one-off off, if it is still due at `due` (us). True when this dispatcher did."""
        return self._guarded(id, lambda: self._hand_off(id, due, index, queue_name))

    def fire(self, fire: Fire) -> bool:
        """Hands one run of a recurring job off and arms the next, if its plan still holds."""
        return self._guarded(fire.record.id, lambda: self._fire(fire))

    def by_hook(self, id: str, due: int) -> bool:
        """Lets the application's own `enqueue_job` hand an entry off, under a lease."""
        return self._guarded(id, lambda: self._by_hook(id, due))

    def _hand_off(self, id: str, due: int, index: str, queue_name: str | None) -> bool:
        if self._hooks.enqueue_job is not None and index == self._store.keys.scheduled_jobs:
            return self._by_hook(id, due)
        stored = self._stored(id)
        if stored is None:
            return False
        job = self._jobs.restore(stored)
        return self._store.hand_off_through_rq(
            job,
            self._queue(job, queue_name),
            expected_due=due,
            index=index,
            meta=self._unreadable_meta(stored),
            behind_fence=True,
        )

    def _fire(self, fire: Fire) -> bool:
        record, plan = fire.record, fire.plan
        if self._hooks.enqueue_job is not None:
            return self._by_hook(record.id, record.due)
        stored = self._store.job(record.id)
        if stored is None:
            return False
        job = self._jobs.restore(stored)
        rearm = None if plan.next is None or fire.last else Rearm(plan.next, plan.missed)
        return self._store.hand_off_through_rq(
            job,
            self._queue(job, None),
            expected_due=record.due,
            expected_rev=record.rev,
            rearm=rearm,
            meta=fire.meta or self._unreadable_meta(stored),
            behind_fence=True,
        )

    def _by_hook(self, id: str, due: int) -> bool:
        index = self._store.keys.scheduled_jobs
        stored = self._store.job(id)
        if self._hooks.enqueue_job is None or stored is None or not self._store.claim(index, id, due, LEASE):
            return False
        try:
            self._hooks.enqueue_job(self._jobs.restore(stored))
        finally:
            self._store.release_claim(id)
        return True

    def _stored(self, id: str) -> StoredJob | None:
        fields = self._store.job_fields(id)
        return None if not fields else StoredJob(id, 0, fields)

    def _queue(self, job: Job, name: str | None) -> Queue:
        if self._hooks.get_queue_for_job is not None and name is None:
            return self._hooks.get_queue_for_job(job)
        queue_class = self._queue_class
        recorded = job.meta.get("queue_class_name") if hasattr(job.meta, "get") else None
        if recorded and name is None:
            queue_class = load_class(recorded, Queue, "queue_class_name")
        return queue_class(
            name or job.origin, connection=job.connection, job_class=type(job), serializer=job.serializer
        )

    @staticmethod
    def _unreadable_meta(stored: StoredJob) -> bytes | None:
        """The bytes of a meta that this process may not be able to read: RQ before 2.11 would write a stand-in back."""
        return stored.fields.get(b"meta")

    def _guarded(self, id: str, act: Callable[[], bool]) -> bool:
        try:
            return act()
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  code of RQ and of the application; one entry holds up nobody
            self._events.put_off(id, error)
            return False


def overrides(cls: type[Any], base: type[Any], names: tuple[str, ...]) -> bool:
    """Whether a class changes any of these attributes of its base."""
    return any(getattr_static(cls, name, None) is not getattr_static(base, name, None) for name in names)
