"""One pass over everything that is due: one-offs, recurring jobs, schedules, RQ's own registries.

Never sleeps and keeps no time of its own: what is due, the server's clock says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from redis.exceptions import ResponseError
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from rq_scheduler.clock import US
from rq_scheduler.dispatcher.batch_size import BatchSize
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.follower import EVERY, Follower
from rq_scheduler.dispatcher.options import Hooks, Options
from rq_scheduler.dispatcher.pass_result import PassResult
from rq_scheduler.dispatcher.pauses import resume_paused
from rq_scheduler.dispatcher.recurring import TOGETHER, Recurring
from rq_scheduler.dispatcher.registries import REGISTRY_POLL, Registries
from rq_scheduler.dispatcher.schedules import Schedules
from rq_scheduler.dispatcher.served import Served
from rq_scheduler.dispatcher.via_rq import ViaRQ, overrides
from rq_scheduler.jobs import JobCreator
from rq_scheduler.pickles import PICKLES
from rq_scheduler.store import Store
from rq_scheduler.store.base import is_misfit
from rq_scheduler.store.handoff import Batch, Kind, Left
from rq_scheduler.store.outcomes import Cursor, Fenced

MIN_ENTRIES, FIRST_ENTRIES, MAX_ENTRIES = 100, 500, 1_000
"""Entries that one script looks at."""

LONGEST_PASS = 0.25
"""Seconds after which a pass leaves one-offs, and then schedules, for the next one: between passes are the heartbeat
and RQ's registries, and neither kind waits for the end of the other's backlog."""

HEAD_AGAIN = 1.0
"""Seconds between two looks at the head of the index while plans are made for what is late there."""

_HASH_OF_A_JOB = ("redis_job_namespace_prefix", "key_for", "key", "save", "to_dict", "restore", "cleanup", "set_status")


@dataclass(frozen=True, slots=True)
class SchedulesComing:
    """When schedules want to be looked at (us): the first that is due, the first buffered run, the first plan, the
    first run that RQ has to enqueue, and the first pause that ends by itself."""

    schedules: int | None = None
    buffered: int | None = None
    plans: int | None = None
    via_rq: int | None = None
    pauses: int | None = None


class Passes:
    """Makes passes for one dispatcher."""

    def __init__(
        self,
        store: Store,
        jobs: JobCreator,
        queue_class: type[Queue],
        hooks: Hooks,
        options: Options,
        events: Events,
        stopping: Callable[[], bool],
        *,
        registry_poll: float = REGISTRY_POLL,
        follow_every: float = EVERY,
        name: str = "",
    ) -> None:
        self._store = store
        self._hooks = hooks
        self._options = options
        self._events = events
        self._stopping = stopping
        self._via_rq = ViaRQ(store, jobs, queue_class, hooks, events, stopping)
        self._all_via_rq = bool(hooks) or queue_class is not Queue or overrides(jobs.job_class, Job, _HASH_OF_A_JOB)
        self._by_hook = hooks.enqueue_job is not None
        self.recurring: Recurring = Recurring(store, jobs.serializer, options, events, self._via_rq)
        self._schedules = Schedules(
            *(store, jobs, events, stopping, self.recurring),
            all_via_rq=self._all_via_rq,
            by_hook=self._by_hook,
            name=name,
        )
        self._name = name
        self._follower = Follower(store, events, every=follow_every)
        self._all_meta = jobs.serializer not in (*PICKLES, JSONSerializer)
        self._size = BatchSize(MIN_ENTRIES, MIN_ENTRIES if self._all_via_rq else FIRST_ENTRIES, MAX_ENTRIES)
        self._registries = Registries(
            *(store, options, events, self._enqueue_via_rq, stopping, self._size), poll=registry_poll
        )
        self._cursor: Cursor | None = None
        self._behind_late: Cursor | None = None
        self._head_again_at = 0.0
        self._coming = SchedulesComing()
        self._ended_due: int | None = None
        self._parked_due: int | None = None
        self._follow_due: int | None = None

    def run(self) -> PassResult:
        """One pass."""
        result, phases = PassResult(), dict[str, float]()
        self._guarded(result, self._serve_index, phases, "index")
        if result.misfit is not None:
            self._coming = SchedulesComing(0, 0, 0, 0)  # nobody has said when they are
        if result.fenced is None:
            self._guarded(result, self._resume_paused, phases, "upkeep")
            self._guarded(result, self._serve_schedules, phases, "schedules")
            self._guarded(result, self._serve_via_rq, phases, "via_rq")
        self._guarded(result, self._tend_ended, phases, "upkeep")
        if result.fenced is None:
            self._guarded(result, self._release_parked, phases, "upkeep")
        if self._options.rq_registries and result.fenced is None:
            self._guarded(result, self._registries.serve, phases, "registries")
        self._guarded(result, self._follow_runs, phases, "runs")
        self._events.passed(phases)
        return result

    def give_back(self) -> None:
        """Leaves to others what was taken and not served: no pass follows."""
        self._schedules.give_back()

    @staticmethod
    def _guarded(result: PassResult, serve: Callable[[PassResult], None], phases: dict[str, float], phase: str) -> None:
        """A key of a wrong type stops what needs it, and nothing else. Adds its time to that of its phase."""
        began = monotonic()
        try:
            serve(result)
        except ResponseError as error:
            if not is_misfit(error):
                raise
            result.misfit = result.misfit or error
        phases[phase] = phases.get(phase, 0.0) + monotonic() - began

    def _serve_index(self, result: PassResult) -> None:
        cursor = self._beginning()
        until = monotonic() + LONGEST_PASS
        unplanned = 0
        while not self._stopping():
            began = monotonic()
            batch = self._store.hand_off_jobs(
                cursor,
                self._size.now,
                all_via_rq=self._all_via_rq,
                by_hook=self._by_hook,
                all_meta=self._all_meta,
                tell=self._events.wants_each_job,
                dispatcher=self._name,
            )
            if isinstance(batch, Fenced):
                result.fenced = batch
                return
            self._size.adapt(sum(batch.fires.queues.values()), monotonic() - began)
            result.saw(batch.now, batch.next_due)
            self._coming = SchedulesComing(
                batch.schedules_due, batch.buffered_due, batch.plan_due, batch.via_rq_due, batch.pause_ends
            )
            self._ended_due, self._parked_due = batch.ended_due, batch.parked_due
            self._follow_due = batch.follow_due
            served = Served()
            self._schedules.take_in(batch.fires, served)
            self._count(result, served)
            result.dropped += len(batch.dropped)
            for entry in batch.dropped:
                self._events.dropped(entry)
            unplanned += batch.unplanned
            if batch.misfit:
                result.misfit = ResponseError(batch.misfit)
            cut = self._serve_left(result, batch, until) if batch.left else None
            if result.fenced:
                return
            if cut is None and not batch.more:
                if unplanned or self._behind_late:
                    self._behind_late = batch.cursor or cursor
                return
            # Only what was left is still there: without it, the head of the index is the place to go on.
            cursor = cut or (batch.cursor if batch.left or batch.unplanned or cursor else None)
            if cut or monotonic() > until:
                self._cursor, result.unfinished = cursor, True
                return

    def _beginning(self) -> Cursor | None:
        """Where a pass begins: where the last one was cut; behind recurring jobs that are late, while plans are made,
        which fire them; else at the head of the index."""
        cursor, self._cursor = self._cursor, None
        now = monotonic()
        if not self._schedules.has_taken or now >= self._head_again_at:
            self._behind_late, self._head_again_at = None, now + HEAD_AGAIN
        return cursor or self._behind_late

    def _serve_left(self, result: PassResult, batch: Batch, until: float) -> Cursor | None:
        """Serves what was left to Python. Where time is up before all have had their turn, returns the place behind
        which the next pass goes on: never in front of the first, which may be one that nobody can serve."""
        unread = [left for left in batch.left if left.kind is Kind.RECURRING]
        for first in range(0, len(unread), TOGETHER):
            if first and monotonic() > until:
                return unread[first - 1].place
            self.recurring.adopt([left.id for left in unread[first : first + TOGETHER]], batch.now)
        if unread:
            self._coming = replace(self._coming, plans=batch.now)
        for left, before in zip(batch.left, [None, *batch.left], strict=False):
            if before is not None and monotonic() > until:
                return before.place
            if left.kind is Kind.RECURRING:
                continue
            if self._by_hook:
                self._serve_by_hook(result, left)
            else:
                self._enqueue_via_rq(result, left)
        return None

    def _serve_by_hook(self, result: PassResult, left: Left) -> None:
        if self._via_rq.by_hook(left.id, left.due):
            result.handed_off += 1
            result.queues.add(left.queue)
            result.expect(self._store.due_of(left.id))

    def _resume_paused(self, result: PassResult) -> None:
        """Before schedules are served: some of these are due at once."""
        ends = self._coming.pauses
        if ends is not None and ends <= result.now:
            result.unfinished |= resume_paused(self._store, self._events)
            self._coming = replace(self._coming, schedules=0)
        else:
            result.expect(ends)

    def _serve_schedules(self, result: PassResult) -> None:
        coming = self._coming
        wanted = [at for at in (coming.schedules, coming.plans) if at is not None and at <= result.now]
        if wanted or self._schedules.has_taken:
            self._count(result, self._schedules.serve(monotonic() + LONGEST_PASS))
        else:
            result.expect(coming.schedules)
        if coming.buffered is not None and coming.buffered <= result.now and result.fenced is None:
            self._start_buffered(result)
        else:
            result.expect(coming.buffered)

    def _start_buffered(self, result: PassResult) -> None:
        self._count(result, self._schedules.start_buffered())

    def _serve_via_rq(self, result: PassResult) -> None:
        due = self._coming.via_rq
        if result.fenced is None and due is not None and due <= result.now:
            self._count(result, self._via_rq.serve(monotonic() + LONGEST_PASS))
        else:
            result.expect(due)

    def _tend_ended(self, result: PassResult) -> None:
        """Jobs of ended series may wait; what is due does not wait for them."""
        if self._ended_due is not None and self._ended_due <= result.now:
            self._store.tend_ended()
            self._ended_due = None
        result.expect(self._ended_due)

    def _release_parked(self, result: PassResult) -> None:
        """The pass that follows serves those that are due."""
        if self._parked_due is not None and self._parked_due <= result.now:
            released = self._store.release_parked()
            if isinstance(released, Fenced):
                result.fenced = released
                return
            self._parked_due = released.next_look
            if released.next_due is not None:
                result.expect(released.next_due)
                result.unfinished |= released.next_due <= result.now
        result.expect(self._parked_due)

    def _follow_runs(self, result: PassResult) -> None:
        """What is due does not wait for those that went before."""
        wait = self._follower.seconds_to_wait()
        if self._follow_due is not None and self._follow_due <= result.now and not wait and not self._stopping():
            self._follow_due = self._follower.step()
            wait = self._follower.seconds_to_wait()
        if self._follow_due is not None:
            result.next_look = max(self._follow_due, result.time + int(wait * US))

    def _count(self, result: PassResult, served: Served) -> None:
        result.handed_off += served.fired
        result.queues.update(served.queues)
        result.fenced = result.fenced or served.fenced
        result.misfit = result.misfit or served.misfit
        result.unfinished = result.unfinished or served.unfinished
        result.again_at = served.again_at or result.again_at
        if served.via_rq:
            self._coming = replace(self._coming, via_rq=0)
        if served.now:
            result.saw(served.now, None, served.at)
        result.expect(served.next_due)

    def _enqueue_via_rq(self, result: PassResult, left: Left) -> bool:
        queue = None if left.index == self._index else left.queue
        if not self._via_rq.hand_off(left.id, left.due, left.index, queue):
            return False
        result.handed_off += 1
        result.queues.add(left.queue)
        return True

    @property
    def _index(self) -> str:
        return self._store.keys.scheduled_jobs
