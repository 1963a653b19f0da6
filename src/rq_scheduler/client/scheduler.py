"""The Scheduler API: what rq-scheduler 0.14 offers, and bulk and streaming calls beside it.

A thin face over the store, the job creator and the triggers: validates the arguments of each call before anything is
written, and leaves the work to those. Knows no key of Redis. Its own calls go by Python's clock, which applications
freeze in their tests; the dispatcher that `run` starts goes by the server's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, cast, overload
from uuid import uuid4

from redis.exceptions import RedisError
from rq import Queue
from rq.defaults import DEFAULT_FAILURE_TTL
from rq.job import Job

from rq_scheduler.aliases import (
    EnqueueItem,
    Function,
    Until,
)
from rq_scheduler.client import bulk, keywords, recurring
from rq_scheduler.client.actor import actor_of
from rq_scheduler.client.audit import Audit
from rq_scheduler.client.base import SchedulerBase, context_of
from rq_scheduler.client.events import Events
from rq_scheduler.client.fleet import Fleet
from rq_scheduler.client.pending import Jobs
from rq_scheduler.client.prototype import Prototypes, goes_by_name
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.client.recurring import RecurringJobs
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.client.times import due_after, due_at, until_us
from rq_scheduler.client.tokens import Tokens
from rq_scheduler.errors import InvalidArgument, InvalidType, JobUnreadable, NotScheduled, kind_of
from rq_scheduler.functions import warn_about_function
from rq_scheduler.jobs import meta_of, unread_meta
from rq_scheduler.model import decode_spec
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store import NewEntry, Store, StoredJob
from rq_scheduler.store.entries import Place
from rq_scheduler.store.rq_format import limit_last_run
from rq_scheduler.triggers import Cron
from rq_scheduler.triggers.base import not_negative

if TYPE_CHECKING:
    from rq_scheduler.dispatcher import Service

__all__ = ["Scheduler"]

_MAX_DELETE_ATTEMPTS = 5

_DELETE_TTL = 60
"""Seconds after which a job that was to be deleted goes by itself, should the network end between the two steps."""


# 0.14's signature of `enqueue_job` has no room for the due time that a job was read with; without it, a job that a
# dispatcher hands off between `get_jobs_to_queue` and `enqueue_job` would be handed off again. It rides on the job.
_READ_DUE = "_rq_scheduler_due"


class Scheduler(RecurringJobs):
    """Schedules RQ jobs: each is kept in Redis until it is due and then enters its RQ queue.

    `connection` (a redis-py client) is required. Jobs go to `queue` (an rq.Queue), else to the queue named
    `queue_name`. `interval` (seconds) sets how long this instance's lock and name live without renewal: interval +
    10. `job_class` and `queue_class` are classes or dotted paths; a queue class given as a path is recorded in each
    job's meta and used at the hand-off. `serializer` (a class or a dotted path) is that of `queue`, else pickle.
    `actor` says in the audit who does what this object does, such as "deploy 4711"; else it is user@host.

    Building one sends nothing to Redis. Naive datetimes mean UTC in all methods. Every mistake in a call raises an
    error of `rq_scheduler.errors`, which is a ValueError or a TypeError too, before anything is written; when Redis
    cannot be reached, redis-py's own error comes through.
    """

    @cached_property
    def schedules(self) -> Schedules:
        """Named, durable schedules: put, find, change, run and sync them. The jobs of `schedule` and `cron` are seen
        there under their job id."""
        return Schedules(context_of(self), self.cancel)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What nothing could serve, with reasons: list it, put it back, forget it."""
        return Quarantine(context_of(self), self.schedules)

    @cached_property
    def audit(self) -> Audit:
        """What people and programs did to schedules and jobs, when, and who."""
        return Audit(context_of(self))

    @cached_property
    def events(self) -> Events:
        """What happened to schedules, jobs, dispatchers and queues: read it, or follow it."""
        return Events(context_of(self))

    @cached_property
    def fleet(self) -> Fleet:
        """Who was there: dispatchers and workers, outages, queues that nobody serves."""
        return Fleet(context_of(self))

    @cached_property
    def jobs(self) -> Jobs:
        """Pending one-offs as a person looks after them: page, count, move and spread them; and jobs that RQ has."""
        return Jobs(context_of(self))

    @cached_property
    def tokens(self) -> Tokens:
        """Who may use the web: make tokens, list and revoke them."""
        return Tokens(context_of(self))

    def acting_as(self, actor: str) -> Self:
        """This Scheduler for somebody else, whom the audit then names: "deploy 4711". Raises InvalidArgument or
        InvalidType for what is no name."""
        other = self._copied()
        store = self._any_store
        other._any_store = Store(store.connection, prefix=store.keys.prefix, clock=store.clock, actor=actor_of(actor))
        return other

    # One-off jobs

    def enqueue_at(self, scheduled_time: datetime, func: Function, *args: Any, **kwargs: Any) -> Job:
        """Schedule `func(*args, **kwargs)` for `scheduled_time` (naive means UTC; microseconds are kept).

        These keywords are options of the job: timeout, job_id, job_ttl, job_result_ttl, job_description, depends_on,
        meta, queue_name, on_success, on_failure, on_stopped, at_front, failure_ttl; and retry, repeat, rate_limit and
        webhooks if they are RQ's objects (Retry, Repeat, RateLimit, a list of Webhook). All others go to the function;
        an option of RQ's that does, though the function does not declare it, warns. Durations are seconds, a timedelta
        or text such as "10m".

        An existing `job_id` replaces the pending entry; while RQ has a job of that id queued or running, the new one
        waits for its end, and for its own time. A time in the past is due at once. Returns the saved job.
        """
        return self._schedule_once(due_at(self._moment(scheduled_time), "scheduled_time"), func, args, kwargs)

    def enqueue_in(self, time_delta: timedelta, func: Function, *args: Any, **kwargs: Any) -> Job:
        """As `enqueue_at`, `time_delta` from now by Python's clock; a negative one is due at once."""
        return self._schedule_once(due_after(time_delta, self._clock.now_us(), "time_delta"), func, args, kwargs)

    def enqueue_many(self, items: Iterable[EnqueueItem], **options: Unpack[keywords.BulkOptions]) -> list[str]:
        """Schedule many one-off jobs in few round trips; `items` may be a generator of any length.

        An item is `(when, func)`, `(when, func, args)`, `(when, func, args, kwargs)` or `(when,
        Queue.prepare_data(...))`; `when` is a datetime (naive means UTC) or a timedelta from now. `options` are those
        of `enqueue_at` without `job_id` and hold for all items; what `prepare_data` was given comes first.

        Chunks of up to 250 jobs are each checked whole, then saved all or none. A mistake raises an error that names
        the item's index and what is saved by then. Returns the job ids, in the order of the items.
        """
        shared = keywords.options_only(cast("dict[str, Any]", options))
        now, prototypes = self._clock.now_us(), Prototypes()
        ids: list[str] = []
        for chunk in bulk.chunks(items, lambda item: self._bulk_entry(item, shared, now, prototypes)):
            self._store.save(chunk)
            ids += [entry.id for entry in chunk]
        return ids

    # What is scheduled

    def __contains__(self, job_or_id: Job | str) -> bool:
        """Whether this job (or the job of this id) is scheduled."""
        return self._store.find(_id_of(job_or_id)) is not None

    def get_job(self, id: str) -> Job | None:
        """The scheduled job of this id, in one round trip; None when it is not scheduled or its job is gone.

        Raises JobUnreadable, a ValueError, when RQ cannot read what Redis holds for it.
        """
        stored = self._store.job(_id_of(id))
        return None if stored is None else self._creator.restore(stored)

    def count(self, until: Until | None = None) -> int:
        """How many jobs are scheduled, or are due by `until`: a datetime, a timedelta from now or a unix time."""
        return self._store.count(until_us(self._moment(until), self._clock.now_us()))

    @overload
    def get_jobs(
        self,
        until: Until | None = None,
        with_times: Literal[False] = False,
        offset: int | None = None,
        length: int | None = None,
    ) -> Iterator[Job]: ...
    @overload
    def get_jobs(
        self,
        until: Until | None,
        with_times: Literal[True],
        offset: int | None = None,
        length: int | None = None,
    ) -> Iterator[tuple[Job, datetime]]: ...
    @overload
    def get_jobs(
        self,
        until: Until | None = None,
        *,
        with_times: Literal[True],
        offset: int | None = None,
        length: int | None = None,
    ) -> Iterator[tuple[Job, datetime]]: ...
    @overload
    def get_jobs(
        self,
        until: Until | None = None,
        with_times: bool = False,
        offset: int | None = None,
        length: int | None = None,
    ) -> Iterator[Job] | Iterator[tuple[Job, datetime]]: ...
    def get_jobs(
        self,
        until: Until | None = None,
        with_times: bool = False,
        offset: int | None = None,
        length: int | None = None,
    ) -> Iterator[Job] | Iterator[tuple[Job, datetime]]:
        """Scheduled jobs in due order, or `(job, naive UTC datetime)` pairs, read a page at a time as they are used.

        `until` (a datetime, a timedelta from now or a unix time) leaves out what is due later. `offset` and `length` go
        together and count entries. Entries whose job is gone, or cannot be read, are left out. Writes nothing.
        """
        if (offset is None) != (length is None):
            raise InvalidArgument(f"offset={offset!r} and length={length!r} go together: give both or neither")
        if offset is not None:
            not_negative(offset=offset, length=length)
        pairs = self._jobs(until_us(self._moment(until), self._clock.now_us()), offset, length)
        return ((job, self._shown(due)) for job, due in pairs) if with_times else (job for job, _ in pairs)

    @overload
    def get_jobs_to_queue(self, with_times: Literal[False] = False) -> Iterator[Job]: ...
    @overload
    def get_jobs_to_queue(self, with_times: Literal[True]) -> Iterator[tuple[Job, datetime]]: ...
    @overload
    def get_jobs_to_queue(self, with_times: bool = False) -> Iterator[Job] | Iterator[tuple[Job, datetime]]: ...
    def get_jobs_to_queue(self, with_times: bool = False) -> Iterator[Job] | Iterator[tuple[Job, datetime]]:
        """The jobs that are due now by Python's clock, as `get_jobs` gives them."""
        pairs = self._due_jobs()
        return ((job, self._shown(due)) for job, due in pairs) if with_times else (job for job, _ in pairs)

    def change_execution_time(self, job: Job | str, date_time: datetime) -> None:
        """Move a scheduled job to another time (naive means UTC); an interval counts on from there.

        Raises NotScheduled, a ValueError, when the job is not scheduled.
        """
        job_id = _id_of(job)
        if not self._store.reschedule(job_id, due_at(self._moment(date_time), "date_time")):
            raise NotScheduled(f"job {job_id!r} is not scheduled (any more), so it cannot be moved: schedule it again")

    def cancel(self, job: Job | str, delete_job: bool = False) -> None:
        """Take a job off the schedule; nothing happens when it is not scheduled, one already handed off included.

        The job stays fetchable for its failure TTL (a year unless it has its own), or goes at once with `delete_job`.
        """
        job_id = _id_of(job)
        own_ttl = job.failure_ttl if isinstance(job, Job) else None
        keep_for = own_ttl if own_ttl is not None and own_ttl > 0 else DEFAULT_FAILURE_TTL
        if delete_job:
            keep_for = _DELETE_TTL
        # Of one that is parked, the job in RQ is the live one, which is not touched.
        if self._store.cancel(job_id, keep_for, at_most=delete_job) and delete_job:
            self._delete(job_id)

    # Handing off from this process

    def enqueue_job(self, job: Job) -> Job:
        """Hand this job off now, due or not, and re-arm it from its meta as it stands on this object.

        An `interval` re-arms from the time the job was due, a `cron_string` from now; `repeat` counts down, and the
        job is not re-armed at 0. Leaving the schedule (or being re-armed) and entering the queue are one transaction.
        When somebody else hands the job off at the same moment, or did since `get_jobs_to_queue` gave it, it enters its
        queue once. One that waits until RQ's job of its id has ended enters its queue then. Returns the job.
        """
        _require_job(job)
        queue = self.get_queue_for_job(job)
        read_due: int | None = getattr(job, _READ_DUE, None)
        if read_due is not None:
            done = self._hand_off(job, queue, read_due)
            if not done and self._store.release_parked(behind_fence=False):
                done = self._hand_off(job, queue, read_due)
            if done:
                delattr(job, _READ_DUE)
            return job
        place = self._store.find(job.id)
        while not self._hand_off_now(job, queue, place):
            was_scheduled, place = place is not None, self._store.find(job.id)
            if was_scheduled and place is None:
                self.log.debug("job %s: somebody else has just handed it off", job.id)
                break
        return job

    def enqueue_jobs(self) -> list[str]:
        """Hand off everything that is due by Python's clock, calling `self.enqueue_job` for each job once.

        A job that this process cannot hand off is logged and left as it is. Returns the ids of those handed off.
        """
        handed_off: list[str] = []
        recurring_ids: set[str] = set()  # re-armed ones may be due again, further on in the same walk
        for job in self.get_jobs_to_queue():
            if job.id in recurring_ids:
                continue
            if not meta_of(job).keys().isdisjoint(("interval", "cron_string")):
                recurring_ids.add(job.id)
            try:
                self.enqueue_job(job)
            except (RedisError, OSError):
                raise
            except Exception:
                self.log.exception("job %s was not handed off", job.id, extra={"action": "hand_off_failed"})
            else:
                if not hasattr(job, _READ_DUE):
                    handed_off.append(job.id)
        return handed_off

    def run(self, burst: bool = False, *, alerts: Service | None = None) -> None:
        """Run a dispatcher in this process until SIGINT or SIGTERM, which end it by SystemExit.

        With `burst`, hand off what is due and return; where that cannot be for five seconds, redis-py's error or
        FenceHeld (somebody else holds 0.14's lock) says why. Overrides of `enqueue_job` and `get_queue_for_job` are
        honoured. `alerts`: an `rq_scheduler.alerts.Alerts`, which tells people and programs of what happens; with
        `burst`, InvalidArgument.
        """
        if burst and alerts is not None:
            raise InvalidArgument("alerts= is for a dispatcher that stays: leave it out with burst=True")
        from rq_scheduler.dispatcher import Dispatcher, Hooks  # which costs a client's start, and few clients run one

        kind = type(self)
        Dispatcher(
            self.connection,
            name=self.name,
            # The constructor's interval bears on TTLs alone; 0.14's 60 s between looks at Redis is not meant here.
            interval=min(1.0, float(self._interval)) or 1.0,
            job_class=self.job_class,
            queue_class=self.queue_class,
            serializer=self._creator.serializer,
            hooks=Hooks(
                enqueue_job=None if kind.enqueue_job is Scheduler.enqueue_job else self.enqueue_job,
                get_queue_for_job=(
                    None if kind.get_queue_for_job is Scheduler.get_queue_for_job else self.get_queue_for_job
                ),
            ),
            ttl=self._ttl,
            store=self._store,
            services=() if alerts is None else (alerts,),
        ).run(burst=burst)

    # Below the public methods

    def _schedule_once(self, due: int, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
        job, entry = self._one_off(due, func, args, kwargs)
        self._store.save([entry])
        return job

    def _one_off(self, due: int, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Job, NewEntry]:
        """The job of one call of `enqueue_at`, and what saves it."""
        sorted_out = keywords.split(func, kwargs)
        job = self._create_job(func, args=args, kwargs=sorted_out.function, commit=False, **sorted_out.creator)
        warn_about_function(func)
        return job, self._entry(job, due, at_front=sorted_out.at_front)

    def _bulk_entry(self, item: Any, shared: keywords.JobKeywords, now: int, prototypes: Prototypes) -> NewEntry:
        read = bulk.read_item(item)
        when = self._moment(read.when)
        due = due_at(when, "when") if isinstance(when, datetime) else due_after(when, now, "when")
        plain = goes_by_name(read.func) and not (read.options or read.at_front)
        described = bool(shared.creator.get("description"))
        if plain and (like := prototypes.like(read.func, read.args, read.kwargs, described=described)) is not None:
            id = str(uuid4())
            return NewEntry(id, like[0].key_for(id), due, like[1])
        options = {**shared.creator, **read.options}
        if isinstance(options["meta"], dict):
            options["meta"] = dict(cast("dict[Any, Any]", options["meta"]))  # one dict for all would be one for none
        job = self._create_job(read.func, args=read.args, kwargs=read.kwargs, commit=False, **options)
        warn_about_function(read.func)
        entry = self._entry(job, due, at_front=read.at_front or shared.at_front)
        if plain and not options["meta"] and getattr(self._create_job, "__func__", None) is SchedulerBase._create_job:
            prototypes.learn(read.func, job, entry.fields)
        return entry

    def _jobs(self, until: int | None, offset: int | None, length: int | None) -> Iterator[tuple[Job, int]]:
        for page in self._store.pages(until=until, offset=offset, length=length):
            for stored in page:
                try:
                    yield self._creator.restore(stored), stored.due
                except JobUnreadable as error:
                    self.log.warning("%s", error, extra={"action": "job_unreadable"})

    def _delete(self, id: str) -> None:
        for attempt in range(_MAX_DELETE_ATTEMPTS):
            try:
                # Read by us: RQ reads no job through a client that decodes.
                if not (fields := self._store.job_fields(id)):
                    return
                cast("Any", self._creator.restore(StoredJob(id, 0, fields))).delete()
            except ValueError:
                # RQ's own race: a worker ended a run of the job between two of RQ's reads.
                if attempt == _MAX_DELETE_ATTEMPTS - 1:
                    raise
            else:
                return

    def _due_jobs(self) -> Iterator[tuple[Job, int]]:
        for job, due in self._jobs(self._clock.now_us(), None, None):
            setattr(job, _READ_DUE, due)
            yield job, due

    def _hand_off_now(self, job: Job, queue: Queue, place: Place | None) -> bool:
        """One try, wherever the job stands."""
        if place is not None and place.parked:
            return self._store.reschedule(job.id, min(place.due, self._clock.now_us()))
        return self._hand_off(job, queue, None if place is None else place.due)

    def _hand_off(self, job: Job, queue: Queue, due: int | None) -> bool:
        """One try, with the re-arming that the job's meta asks for; False when it is no longer due at `due`."""
        unread = unread_meta(job)
        if unread is not None and recurring.may_recur(unread):
            raise JobUnreadable(
                f"job {job.id!r}: its meta may hold a recurrence and cannot be read here; give this scheduler the "
                "serializer that wrote it (serializer=), or leave the job to a dispatcher"
            )
        meta = meta_of(job)
        after = None
        if parse_run_id(job.id) is None:  # a run of a schedule runs once, whatever its meta holds
            after = recurring.next_of(meta, lambda: self._stored_zone(job.id), due, self._clock.now_us())
        next_due = None if after is None else after.due
        if after is not None and next_due is None:
            limit_last_run(job)
        before = dict(meta)
        if after is not None and after.repeat is not None:
            meta["repeat"] = after.repeat
        done = False
        try:
            at = self._store.hand_off_via_rq(job, queue, expected_due=due, next_due=next_due, meta=unread)
            done = at is not None
        finally:
            if not done:
                meta.update(before)
        return done

    def _stored_zone(self, id: str) -> str | None:
        records = self._store.read_recurring([id])
        spec = decode_spec(records[0].spec) if records and records[0].spec else None
        return spec.trigger.timezone if spec is not None and isinstance(spec.trigger, Cron) else None


def _require_job(job: object) -> None:
    if not isinstance(job, Job):
        raise InvalidType(f"job={job!r} is {kind_of(job)}: give the job itself, such as get_job(id)")


def _id_of(job_or_id: Any) -> str:
    if isinstance(job_or_id, Job):
        return job_or_id.id
    if isinstance(job_or_id, bytes):
        return job_or_id.decode("utf-8", "surrogateescape")
    if isinstance(job_or_id, str):
        return job_or_id
    raise InvalidType(f"{job_or_id!r} is {kind_of(job_or_id)}: give a job or its id")
