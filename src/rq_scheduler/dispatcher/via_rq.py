"""What RQ itself, or the application, has to enqueue: dependencies, rate limits, queue classes, hooks.

Runs of schedules wait for it in a set of their own, one-offs are left by the script that hands off the others. One at a
time, each in a transaction of its own; a fault of one is told and put off, and holds up nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import getattr_static
from time import monotonic
from typing import Any, cast

from redis.exceptions import RedisError, WatchError
from rq.defaults import DEFAULT_FAILURE_TTL
from rq.job import Job
from rq.queue import Queue

from rq_scheduler.classes import load_class
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.options import Hooks
from rq_scheduler.dispatcher.served import Served
from rq_scheduler.jobs import JobCreator, meta_of
from rq_scheduler.pickles import PlainPickles, outline
from rq_scheduler.store import Store, StoredJob
from rq_scheduler.store.counters import kind_of_hand_off
from rq_scheduler.store.outcomes import Dropped, Fenced, HandedOff, late_by
from rq_scheduler.store.rq_format import joins_transaction
from rq_scheduler.store.via_rq import TakenRun

ATTEMPTS = 10
"""How often an entry is read anew in one pass when others keep changing its job meanwhile."""

LEASE = 60
"""Seconds for which one dispatcher has an entry to itself while the application's code hands it off. Should that
code die with it, another tries again after so long: at least once, where everything else is exactly once."""


MAX_TAKEN = 10
"""Runs that are taken at once, for two seconds: then they come again, unless they were enqueued."""


class ViaRQ:
    """Hands off through RQ's own code."""

    def __init__(
        self,
        store: Store,
        jobs: JobCreator,
        queue_class: type[Queue],
        hooks: Hooks,
        events: Events,
        stopping: Callable[[], bool],
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._queue_class = queue_class
        self._hooks = hooks
        self._events = events
        self._stopping = stopping

    def serve(self, until: float) -> Served:
        """Enqueues the runs that wait for it, in the order in which they were made. What it does not get to by the
        monotonic instant `until` is `unfinished`; what cannot be enqueued now comes again after two seconds."""
        served = Served()
        more = True
        while more and not self._stopping():
            page = self._store.take_via_rq(MAX_TAKEN)
            if isinstance(page, Fenced):
                served.fenced = page
                break
            for each in page.dropped:
                self._events.dropped(each)
            for number, each in enumerate(page.taken):
                if self._stopping():
                    self._store.give_back_via_rq([run.id for run in page.taken[number:]])
                    break
                if self._enqueue(each):
                    served.fired += 1
                    served.queues.add(each.queue)
            served.saw(page.now, None if page.more else page.next_due)
            more = page.more
            if more and monotonic() > until:
                served.unfinished = True
                break
        return served

    def hand_off(self, id: str, due: int, index: str, queue_name: str | None = None) -> bool:
        """Hands a one-off off, if it is still due at `due` (us). True when this dispatcher did."""
        if self._hooks.enqueue_job is not None and index == self._store.keys.scheduled_jobs:
            return self.by_hook(id, due)
        return self._guarded(id, lambda: self._hand_off(id, due, index, queue_name))

    def by_hook(self, id: str, due: int) -> bool:
        """Lets the application's own `enqueue_job` hand an entry off, under a lease."""
        return self._guarded(id, lambda: self._by_hook(self._store.job(id), self._store.keys.scheduled_jobs, due))

    def _enqueue(self, run: TakenRun) -> bool:
        index = self._store.keys.via_rq
        if self._hooks.enqueue_job is None:
            return self._guarded(run.id, lambda: self._hand_off(run.id, run.until, index, None, waits_since=run.since))
        return self._guarded(run.id, lambda: self._run_by_hook(run, index))

    def _run_by_hook(self, run: TakenRun, index: str) -> bool:
        fields = self._store.job_fields(run.id)
        if not fields or not self._by_hook(StoredJob(run.id, run.until, fields), index, run.until):
            return False
        self._store.remove_via_rq(run.id)
        return True

    def _hand_off(
        self, id: str, due: int, index: str, queue_name: str | None, *, waits_since: int | None = None
    ) -> bool:
        fields = self._store.job_fields(id)
        if not fields:
            return False
        if fields.get(b"status") == b"canceled" and queue_name is None:
            if self._store.cancel(id, DEFAULT_FAILURE_TTL, due=due):
                self._events.dropped(Dropped(id, due, "canceled"))
            return False
        stored = StoredJob(id, due, fields)
        job = self._jobs.restore(stored)
        queue = self._queue(job, queue_name, self._recorded_class(stored))
        if not joins_transaction(queue) and not self._store.claim(index, id, due, LEASE):
            return False
        # The meta as it stands: RQ before 2.11 writes a stand-in for one that cannot be read here.
        meta = fields.get(b"meta")
        at = self._store.hand_off_via_rq(
            job, queue, expected_due=due, index=index, meta=meta, as_read=fields, behind_fence=True, attempts=1
        )
        if at is None:
            return False
        jobs = [HandedOff(id, due if waits_since is None else waits_since, queue.name)]
        self._events.handed_off(jobs, at)
        self._events.were_late(late_by(kind_of_hand_off(self._store.keys, index, id), jobs, at))
        return True

    def _by_hook(self, stored: StoredJob | None, index: str, due: int) -> bool:
        if self._hooks.enqueue_job is None or stored is None or not self._store.claim(index, stored.id, due, LEASE):
            return False
        try:
            self._hooks.enqueue_job(self._jobs.restore(stored))
        finally:
            self._store.release_claim(stored.id)
        return True

    def _queue(self, job: Job, name: str | None, named: str | None) -> Queue:
        if self._hooks.get_queue_for_job is not None and name is None:
            return self._hooks.get_queue_for_job(job)
        queue_class = self._queue_class
        recorded = named if named is not None else meta_of(job).get("queue_class_name")
        if recorded and name is None:
            queue_class = load_class(recorded, Queue, "queue_class_name")
        return queue_class(
            name or job.origin, connection=job.connection, job_class=type(job), serializer=job.serializer
        )

    def _recorded_class(self, stored: StoredJob) -> str | None:
        """The queue class that a meta names, whose objects are not to be made here."""
        raw = stored.fields.get(b"meta")
        if not raw or self._jobs.serializer is not PlainPickles:
            return None
        meta, _ = outline(raw)
        named = cast("dict[Any, Any]", meta).get("queue_class_name") if isinstance(meta, dict) else None
        return named if isinstance(named, str) else None

    def _guarded(self, id: str, act: Callable[[], bool]) -> bool:
        try:
            for _ in range(ATTEMPTS):
                try:
                    return act()
                except WatchError:
                    continue
            return False
        except RedisError as error:
            # A key of a wrong type, or another Redis that the application's code asks, is this entry's matter. That our
            # own does not answer is the loop's.
            self._store.connection.ping()
            self._events.put_off(id, error)
            return False
        except Exception as error:  # noqa: BLE001  code of RQ and of the application; one entry holds up nobody
            self._events.put_off(id, error)
            return False


def overrides(cls: type[Any], base: type[Any], names: tuple[str, ...]) -> bool:
    """Whether a class changes any of these attributes of its base."""
    return any(getattr_static(cls, name, None) is not getattr_static(base, name, None) for name in names)
