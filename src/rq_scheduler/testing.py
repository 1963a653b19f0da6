"""For the tests of applications: a clock that is moved by hand, and a dispatcher that serves what falls due meanwhile.

    clock = ManualClock(datetime(2026, 3, 28, tzinfo=UTC))
    scheduler = Scheduler(connection=Redis())
    with ManualDispatcher(scheduler, clock) as dispatcher:
        scheduler.enqueue_in(timedelta(hours=2), send_report, job_id="report")
        handed_off = dispatcher.tick(timedelta(days=1))
    assert [job.id for job in handed_off] == ["report"]

The scripts that run are those of production, on a real Redis (`rq_scheduler.embedded.EmbeddedRedis` starts one);
only the time comes from elsewhere. So use a Redis of the tests' own, with no `rqscheduler` beside: that goes by real
time.

By the clock go: what is due, catching up, skipped and remembered runs, history, `enqueue_in`, `cron` and whatever else
the scheduler does with "now", and RQ's own scheduled jobs. In real time stay: the life of keys in Redis (jobs with a
`ttl`, results, the lock of `acquire_lock`); what RQ itself writes (`created_at` of a job, `enqueue_in` of a Queue, the
wait between retries, `enqueued_at` of a job that RQ's own code has to enqueue); and workers: whether a run that a
worker is busy with is still going is judged by its heartbeats, so let workers run in burst mode between two ticks.

Needs no pytest. Knows how a pass is made, and nothing of what it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from redis.exceptions import RedisError
from rq.job import Job

from rq_scheduler.aliases import DurationLike
from rq_scheduler.client.base import context_of
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.client.times import naive_utc
from rq_scheduler.clock import US, SystemClock, duration_us, from_us, to_us
from rq_scheduler.dispatcher import Hooks, LogEvents, Options, PassResult
from rq_scheduler.dispatcher.passes import Passes
from rq_scheduler.dispatcher.via_rq import overrides
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.planning import Missed
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store import Store
from rq_scheduler.store.clock import MANUAL_CLOCK, ManualTime
from rq_scheduler.store.outcomes import Dropped, HandedOff
from rq_scheduler.store.scripts import SERVER_CLOCK
from rq_scheduler.triggers.base import aware_us

__all__ = ["HandOff", "ManualClock", "ManualDispatcher"]

MAX_IDLE_PASSES = 100
"""Passes at one instant that may follow each other without handing anything off."""

MAX_REPEATS = 10
"""How often one entry may be handed off for one and the same due time, and stay due though it was served."""


@dataclass(frozen=True, slots=True)
class HandOff:
    """A job that has entered its queue: its id, the queue's name, when it was due, and at what time it entered, by the
    clock (both aware UTC)."""

    id: str
    queue: str
    due: datetime
    at: datetime


class ManualClock:
    """A clock that stands still until it is moved, and never goes back. It begins at `start` (aware, any zone).

    Schedulers and dispatchers go by it from `ManualDispatcher(scheduler, clock)` on; any number may share one clock,
    and one Redis takes one clock. Raises InvalidArgument for a naive time, or one before 1970.
    """

    def __init__(self, start: datetime) -> None:
        self._start = self._now = _shown_us(start, "start")
        # One for each dispatcher, so that the last of a scheduler's is known.
        self._schedulers: list[Scheduler] = []

    def now(self) -> datetime:
        """The time it shows, as aware UTC."""
        return from_us(self._now)

    def now_us(self) -> int:
        """The same in microseconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since its start."""
        return (self._now - self._start) / US

    def move(self, delta: DurationLike) -> None:
        """Moves it on by seconds, a timedelta or text such as "10m", and serves nothing: as if no dispatcher was up.

        Raises InvalidArgument or InvalidType for what is no length of time, or a negative one.
        """
        self._show(self._after(delta))

    def move_to(self, moment: datetime) -> None:
        """Moves it on to `moment` (aware), and serves nothing. Raises InvalidArgument for a time before its own."""
        us = _shown_us(moment, "moment")
        if us < self._now:
            raise InvalidArgument(
                f"moment={moment!r} lies before {self.now().isoformat()}, which the clock shows: what has fired does "
                "not fire again. Use a new clock and an empty Redis for an earlier time"
            )
        self._show(us)

    def _after(self, delta: DurationLike) -> int:
        us = duration_us(delta, "delta")
        if us < 0:
            raise InvalidArgument(f"delta={delta!r} is negative, and the clock never goes back: give 0 or more")
        from_us(self._now + us)  # refuses what no datetime can hold
        return self._now + us

    def _show(self, us: int) -> None:
        self._now = us
        for time in self._places():
            time.set(us)

    def _places(self) -> list[ManualTime]:
        places: list[ManualTime] = []
        for scheduler in self._schedulers:
            store = context_of(scheduler).store
            if not any(place.connection is store.connection and place.keys == store.keys for place in places):
                places.append(ManualTime(store.connection, store.keys))
        return places

    def _take(self, scheduler: Scheduler) -> None:
        other = scheduler._clock  # pyright: ignore[reportPrivateUsage]
        if isinstance(other, ManualClock) and other is not self:
            raise InvalidArgument(
                f"scheduler={scheduler!r} goes by another manual clock: release() the dispatcher that it has, or give "
                "that clock"
            )
        store = context_of(scheduler).store
        ManualTime(store.connection, store.keys).set(self._now)
        self._schedulers.append(scheduler)
        scheduler._clock = self  # pyright: ignore[reportPrivateUsage]
        store.clock = MANUAL_CLOCK

    def _give_back(self, scheduler: Scheduler) -> None:
        places = self._places()
        self._schedulers.remove(scheduler)
        if scheduler not in self._schedulers:
            scheduler._clock = SystemClock()  # pyright: ignore[reportPrivateUsage]
            context_of(scheduler).store.clock = SERVER_CLOCK
        for time in places:
            time.remove()
        # Two connections may lead to one Redis, and somebody else may still go by what was removed.
        self._show(self._now)


class ManualDispatcher:
    """Hands off what is due by a manual clock, in this process and without sleeping.

    From its construction on, `scheduler` goes by the clock too, until `release()`, or the end of a `with` block. What
    subclasses of Scheduler override is honoured. RQ's own scheduled jobs are served as well. `options` are those of a
    dispatcher; without any, none of RQ's overdue jobs are held.
    """

    def __init__(self, scheduler: Scheduler, clock: ManualClock, *, options: Options | None = None) -> None:
        self.clock = clock
        self._scheduler = scheduler
        context = context_of(scheduler)
        self._store = context.store
        self._record = _Record()
        self._released = False
        hooks = Hooks(
            enqueue_job=self._by_hook if overrides(type(scheduler), Scheduler, ("enqueue_job",)) else None,
            get_queue_for_job=(
                scheduler.get_queue_for_job if overrides(type(scheduler), Scheduler, ("get_queue_for_job",)) else None
            ),
        )
        self._passes = Passes(
            self._store,
            context.creator,
            scheduler.queue_class,
            hooks,
            options or Options(rq_overdue="run"),
            self._record,
            lambda: False,
            # Whoever moves the clock wants them served now, however little real time has passed since the last look.
            registry_poll=0.0,
            follow_every=0.0,
            name=scheduler.name,
        )
        clock._take(scheduler)  # pyright: ignore[reportPrivateUsage]

    def tick(self, delta: DurationLike = 0) -> list[HandOff]:
        """Moves the clock on by `delta` (seconds, a timedelta, or text such as "10m"), stops at each instant at which
        something falls due, and serves it there. Returns what was handed off, in that order.

        `tick()` serves what is due by now: after `clock.move()`, as a dispatcher that was down does. While a schedule
        remembers a run (`overlap="buffer_one"`), or a job waits until RQ's job of its id has ended, each second is such
        an instant.

        Raises SchedulerError when something cannot be served and would be tried for ever, when something else holds the
        lock of 0.14's daemons, or after `release()`.
        """
        if self._released:
            raise SchedulerError("this manual dispatcher was released: make another one")
        target = self.clock._after(delta)  # pyright: ignore[reportPrivateUsage]
        self._record.handed_off_jobs = []
        self._show(self.clock.now_us())  # somebody may have emptied Redis
        stuck = 0
        while (coming := self._serve()) is not None:
            now = self.clock.now_us()
            # Scores that foreign clients write lie between two microseconds: not due at the one, due at the next.
            stuck = stuck + 1 if coming <= now else 0
            if stuck > MAX_REPEATS:
                raise SchedulerError(f"something is due at {self.clock.now()} and is not served{self._record.reasons}")
            coming = max(coming, now + 1)
            if coming > target:
                break
            self._show(coming)
        self._show(target)
        return [HandOff(job.id, job.queue, _utc(job.due), _utc(at)) for job, at in self._record.handed_off_jobs]

    def release(self) -> None:
        """Lets the scheduler go by real time again, and leaves nothing of the clock and this dispatcher in Redis.

        Another dispatcher of the same scheduler keeps it on the clock. A second call does nothing.
        """
        if self._released:
            return
        self._released = True
        self.clock._give_back(self._scheduler)  # pyright: ignore[reportPrivateUsage]
        # By the server's time, since other dispatchers' signs of life are.
        Store(self._store.connection, prefix=self._store.keys.prefix).leave(self._scheduler.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A Redis that was lost is told by the error that it raised first.
        with suppress(*([RedisError] if error is not None else [])):
            self.release()

    def _show(self, us: int) -> None:
        self.clock._show(us)  # pyright: ignore[reportPrivateUsage]

    def _serve(self) -> int | None:
        """Serves all that is due at this instant; returns when something is due next, in microseconds."""
        self._record.begin_instant()
        passes = idle = 0
        while True:
            seen = self._record.events
            result = self._passes.run()
            if result.misfit is not None:
                raise result.misfit
            passes += 1
            self._refuse(result)
            idle = 0 if self._record.events != seen else idle + 1
            # A pass does not know what it has itself put off, so the one that says what is next comes after.
            if idle and passes > 1 and not result.unfinished:
                return result.next_due
            if idle > MAX_IDLE_PASSES:
                raise SchedulerError(f"passes at {self.clock.now()} come to no end{self._record.reasons}")

    def _refuse(self, result: PassResult) -> None:
        endless = self._record.endless
        if endless is not None:
            raise SchedulerError(
                f"{endless.id} is handed off again and again for {_utc(endless.due)}: the code that hands it off "
                "(enqueue_job) leaves it scheduled for that time"
            )
        if result.fenced is not None:
            raise SchedulerError(
                f"nothing can be handed off: {self._store.keys.fence} is held by {result.fenced.holder!r} (a 0.14 "
                "daemon, or acquire_lock()). Release it, and tick again"
            )

    def _by_hook(self, job: Job) -> object:
        due, run = self._store.due_of(job.id), parse_run_id(job.id)
        if due is None and run is not None:
            due = to_us(run.nominal)
        answer = self._scheduler.enqueue_job(job)
        now = self.clock.now_us()
        self._record.handed_off([HandedOff(job.id, now if due is None else due, job.origin)], now)
        return answer


class _Record(LogEvents):
    """Counts what happens, keeps what was handed off, and writes the logs of a dispatcher."""

    def __init__(self) -> None:
        super().__init__()
        self.handed_off_jobs: list[tuple[HandedOff, int]] = []
        self.events = 0
        self.endless: HandedOff | None = None
        self._times = Counter[tuple[str, int]]()
        self._put_off: dict[str, BaseException] = {}

    @property
    def wants_each_job(self) -> bool:
        return True

    def begin_instant(self) -> None:
        """Forgets what was noted about the instant before."""
        self.endless = None
        self._times.clear()
        self._put_off.clear()

    @property
    def reasons(self) -> str:
        """What is known of entries that were put off, to end a sentence with."""
        return "".join(f"; {id}: {error!r}" for id, error in self._put_off.items())

    def handed_off(self, jobs: Sequence[HandedOff], at: int) -> None:
        super().handed_off(jobs, at)
        self.events += 1
        for job in jobs:
            self.handed_off_jobs.append((job, at))
            self._times[job.id, job.due] += 1
            if self._times[job.id, job.due] > MAX_REPEATS:
                self.endless = job

    def put_off(self, id: str, error: BaseException) -> None:
        super().put_off(id, error)
        self._put_off[id] = error

    def not_run(self, id: str, nominal: int, outcome: str) -> None:
        super().not_run(id, nominal, outcome)
        self.events += 1

    def missed(self, id: str, missed: Missed) -> None:
        super().missed(id, missed)
        self.events += 1

    def ended(self, id: str) -> None:
        super().ended(id)
        self.events += 1

    def paused(self, id: str, reason: str) -> None:
        super().paused(id, reason)
        self.events += 1

    def resumed(self, id: str) -> None:
        super().resumed(id)
        self.events += 1

    def dropped(self, entry: Dropped) -> None:
        super().dropped(entry)
        self.events += 1

    def adopted(self, id: str, trigger: str, timezone: str | None) -> None:
        super().adopted(id, trigger, timezone)
        self.events += 1


def _shown_us(moment: datetime, name: str) -> int:
    us = aware_us(moment, name)
    if us < 0:
        raise InvalidArgument(f"{name}={moment!r} lies before 1970, where a server's clock never is: give a later time")
    return us


def _utc(us: int) -> datetime:
    return naive_utc(us).replace(tzinfo=UTC)
