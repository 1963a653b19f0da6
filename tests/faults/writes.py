"""Every public write of `Scheduler` and `scheduler.schedules`: what it needs, how it is called, what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from rq import Queue
from rq.job import Job

from faults.cutting import World
from jobs_for_tests import echo, nothing
from rq_scheduler import Scheduler
from rq_scheduler.client.schedules.rq_cron import read_rq_cron
from rq_scheduler.model import Schedule
from rq_scheduler.testing import ManualClock
from rq_scheduler.triggers import Cron, Every
from schedules.helpers import START, after

MINUTE = 60
RQ_CRON = "rq_cron_for_tests"


@dataclass(frozen=True)
class Write:
    """One public method, in one situation. `covers` is its name; `runs` says how many jobs come within the next
    minutes without it and with it."""

    covers: str
    call: Callable[[Scheduler], Any]
    runs: tuple[int, int]
    prepare: Callable[[World], Any] = lambda world: None
    steps: int = 1
    """Writes that it consists of, each atomic; between them it is half done, as documented."""
    runs_twice: int | None = None
    """How many jobs come at most when its caller, who saw an error, calls again; None: as many as with one call."""
    unsure: bool = False
    """Whether its caller is told when the reply to its transaction was lost, also where the library sends again:
    nothing in Redis tells whether it was done."""
    released: Callable[[Scheduler], Any] | None = None
    """What the caller does at last, however the call ended."""


def put(world: World, id: str = "s", **options: Any) -> None:
    world.scheduler.schedules.put(id, Every(MINUTE), nothing, **options)


def an_hour_late(scheduler: Scheduler) -> Scheduler:
    """Goes by a clock of its own."""
    scheduler._clock = ManualClock(START - timedelta(hours=1))
    return scheduler


def put_side_by_side(world: World, **options: Any) -> None:
    put(world, overlap="allow", **options)


def recurring(world: World, id: str = "r") -> None:
    world.scheduler.schedule(after(MINUTE), nothing, interval=MINUTE, id=id)


def hourly(world: World) -> None:
    """At a minute at which half of the world's clocks show another."""
    world.scheduler.schedules.put("s", Cron("1 * * * *"), nothing)


def hourly_job(world: World) -> None:
    world.scheduler.cron("1 * * * *", nothing, id="r", timezone="UTC")


def pending(world: World, *ids: str, seconds: float = MINUTE) -> None:
    for id in ids or ("a",):
        world.scheduler.enqueue_at(after(seconds), nothing, job_id=id)


def queued(world: World) -> None:
    """A job that waits in its queue."""
    pending(world, seconds=0)
    world.dispatcher.tick()


def parked(world: World) -> None:
    """The same, and another is planned under its id."""
    queued(world)
    pending(world, seconds=2 * MINUTE)


def many(scheduler: Scheduler) -> list[str]:
    """Five items, in chunks of two (the test sees to that)."""
    prepared = (Queue.prepare_data(nothing, job_id=f"many{n}") for n in range(5))
    return scheduler.enqueue_many((after(MINUTE), item) for item in prepared)


def prepare_sync(world: World) -> None:
    world.scheduler.schedules.sync(
        [Schedule(id, Every(MINUTE), nothing) for id in ("same", "changed", "removed")], owner="me"
    )


def sync(scheduler: Scheduler) -> Any:
    triggers = {"same": Every(MINUTE), "changed": Every(2 * MINUTE), "new": Every(MINUTE)}
    return scheduler.schedules.sync([Schedule(id, trigger, nothing) for id, trigger in triggers.items()], owner="me")


def of_another_name(world: World) -> None:
    """What the configuration holds, under another id."""
    (definition,) = read_rq_cron(RQ_CRON)
    world.scheduler.schedules.sync([replace(definition, id="old")], owner="me")


def two(world: World, **options: Any) -> None:
    put(world, "s", tags=["a"], **options)
    put(world, "t", tags=["a"], **options)


def two_paused(world: World) -> None:
    two(world)
    world.scheduler.schedules.pause_all(tag="a")


def two_left_out(world: World) -> None:
    """A pause that has lasted for three minutes, and is over."""
    two_paused(world)
    world.clock.move(3 * MINUTE)
    world.scheduler.schedules.resume_all(tag="a")


def prepare_backfill(world: World) -> None:
    put(world, paused=True)
    world.clock.move(6 * MINUTE)


def backfill(scheduler: Scheduler) -> list[str]:
    """Five runs, in batches of two (the test sees to that)."""
    return scheduler.schedules.backfill("s", START + timedelta(seconds=1), after(5 * MINUTE + 1))


def waiting_run(world: World, **options: Any) -> None:
    """A paused schedule, one run of which is in its queue: nobody takes it."""
    put(world, paused=True, queue_name="nobody's", **options)
    assert world.scheduler.schedules.run_now("s") is not None


def hand_over(scheduler: Scheduler, id: str) -> Any:
    """The application's own hand-off; whoever has lost the reply looks whether there is still something to do."""
    job = scheduler.get_job(id)
    return None if job is None else scheduler.enqueue_job(job)


def unscheduled(world: World) -> None:
    Job.create(nothing, id="a", origin="default", connection=world.redis, status="created").save()


def fetched(scheduler: Scheduler) -> Job:
    return Job.fetch("a", connection=scheduler.connection)


def born(world: World) -> None:
    made = Scheduler(connection=world.redis, name="remote")
    made._clock = world.clock
    made.register_birth()


def quarantined(world: World) -> None:
    """A one-off that named no queue, and has been mended since."""
    pending(world, seconds=0)
    world.redis.hset("rq:job:a", "origin", "")
    world.dispatcher.tick()
    world.redis.hset("rq:job:a", "origin", "default")


def quarantined_job(world: World) -> None:
    world.scheduler.schedule(START, nothing, interval=MINUTE, id="r")
    world.redis.set("rq:queue:default", "of a wrong type")
    world.dispatcher.tick()
    world.redis.delete("rq:queue:default")


def quarantined_schedule(world: World) -> None:
    put(world, queue_name="damaged")
    world.redis.set("rq:queue:damaged", "of a wrong type")
    world.dispatcher.tick(MINUTE)
    world.redis.delete("rq:queue:damaged")


WRITES: dict[str, Write] = {
    # One-offs
    "enqueue_at": Write(
        "enqueue_at", lambda s: s.enqueue_at(after(MINUTE), echo, 1, x=2, job_id="a", job_ttl=900), (0, 1)
    ),
    "enqueue_at, due at once": Write("enqueue_at", lambda s: s.enqueue_at(START, nothing, job_id="a"), (0, 1)),
    "enqueue_at, due at once, and gone when it has run": Write(
        "enqueue_at", lambda s: s.enqueue_at(START, nothing, job_id="a", job_result_ttl=0), (0, 1)
    ),
    "enqueue_at, in place of another": Write(
        "enqueue_at", lambda s: s.enqueue_at(after(2 * MINUTE), echo, job_id="a", meta={"x": 1}), (1, 1), pending
    ),
    "enqueue_at, in place of a recurring job": Write(
        "enqueue_at", lambda s: s.enqueue_at(after(MINUTE), echo, job_id="r"), (3, 1), recurring
    ),
    "enqueue_at, while RQ has the one before": Write(
        "enqueue_at", lambda s: s.enqueue_at(after(2 * MINUTE), echo, job_id="a"), (1, 2), queued
    ),
    "enqueue_at, while RQ has the one before, and gone when it has run": Write(
        "enqueue_at", lambda s: s.enqueue_at(after(MINUTE), echo, job_id="a", job_result_ttl=0), (1, 2), queued
    ),
    "enqueue_at, in place of one that waits for that": Write(
        "enqueue_at", lambda s: s.enqueue_at(after(MINUTE), echo, job_id="a"), (2, 2), parked
    ),
    "enqueue_in": Write("enqueue_in", lambda s: s.enqueue_in(timedelta(minutes=1), nothing, job_id="a"), (0, 1)),
    "enqueue_many": Write("enqueue_many", many, (0, 5), steps=3),
    # Recurring jobs of the 0.14 API
    "schedule": Write("schedule", lambda s: s.schedule(START, nothing, interval=MINUTE, id="r"), (0, 4)),
    "schedule, three times": Write(
        "schedule", lambda s: s.schedule(START, nothing, interval=MINUTE, id="r", repeat=3), (0, 3)
    ),
    "schedule, gone when it has run": Write(
        "schedule", lambda s: s.schedule(START, nothing, interval=MINUTE, id="r", result_ttl=0), (0, 4)
    ),
    "schedule, once": Write("schedule", lambda s: s.schedule(after(MINUTE), nothing, id="r"), (0, 1)),
    "schedule, anew": Write(
        "schedule", lambda s: s.schedule(after(MINUTE), echo, interval=2 * MINUTE, id="r"), (3, 2), recurring
    ),
    "cron": Write("cron", lambda s: s.cron("* * * * *", nothing, id="c", timezone="UTC", result_ttl=500), (0, 3)),
    # Changes
    "cancel": Write("cancel", lambda s: s.cancel("a"), (1, 0), pending),
    "cancel and delete": Write("cancel", lambda s: s.cancel("a", delete_job=True), (1, 0), pending, steps=2),
    "cancel of one that is parked": Write("cancel", lambda s: s.cancel("a", delete_job=True), (2, 1), parked),
    "cancel of a recurring job": Write("cancel", lambda s: s.cancel("r"), (3, 0), recurring),
    "cancel and delete a recurring job": Write(
        "cancel", lambda s: s.cancel("r", delete_job=True), (3, 0), recurring, steps=2
    ),
    "change_execution_time": Write(
        "change_execution_time", lambda s: s.change_execution_time("a", after(2 * MINUTE)), (1, 1), pending
    ),
    "change_execution_time of one that is parked": Write(
        "change_execution_time", lambda s: s.change_execution_time("a", after(MINUTE)), (2, 2), parked
    ),
    "change_execution_time of a recurring job": Write(
        "change_execution_time", lambda s: s.change_execution_time("r", after(3 * MINUTE)), (3, 1), recurring
    ),
    # Handing off from the application
    "enqueue_job": Write("enqueue_job", lambda s: hand_over(s, "a"), (1, 1), pending),
    "enqueue_job of one that is parked": Write("enqueue_job", lambda s: hand_over(s, "a"), (2, 2), parked),
    "enqueue_job of a recurring job": Write(
        "enqueue_job", lambda s: hand_over(s, "r"), (3, 3), recurring, runs_twice=5
    ),
    "enqueue_job of one that is not scheduled": Write(
        "enqueue_job", lambda s: s.enqueue_job(fetched(s)), (0, 1), unscheduled, runs_twice=2, unsure=True
    ),
    "enqueue_jobs": Write(
        "enqueue_jobs", lambda s: s.enqueue_jobs(), (2, 2), lambda w: pending(w, "a", "b", seconds=0), steps=2
    ),
    # The instance
    "acquire_lock": Write("acquire_lock", lambda s: s.acquire_lock(), (0, 0), released=lambda s: s.remove_lock()),
    "remove_lock": Write(
        "remove_lock", lambda s: (s.acquire_lock(), s.remove_lock())[0], (0, 0), released=lambda s: s.remove_lock()
    ),
    "register_birth": Write("register_birth", lambda s: s.register_birth(), (0, 0)),
    "heartbeat": Write("heartbeat", lambda s: s.heartbeat(), (0, 0), born),
    "register_death": Write("register_death", lambda s: s.register_death(), (0, 0), born),
    # Quarantine
    "retry": Write("quarantine.retry", lambda s: s.quarantine.retry("a"), (0, 1), quarantined),
    "retry of a recurring job": Write("quarantine.retry", lambda s: s.quarantine.retry("r"), (0, 4), quarantined_job),
    "retry of a schedule": Write("quarantine.retry", lambda s: s.quarantine.retry("s"), (0, 3), quarantined_schedule),
    "retry_all": Write(
        "quarantine.retry_all",
        lambda s: s.quarantine.retry_all(),
        (0, 4),
        lambda w: (quarantined(w), quarantined_schedule(w)),
        steps=2,
    ),
    "purge": Write("quarantine.purge", lambda s: s.quarantine.purge("a"), (0, 0), quarantined),
    "purge_all": Write("quarantine.purge_all", lambda s: s.quarantine.purge_all(), (0, 0), quarantined),
    # Schedules
    "put": Write(
        "schedules.put",
        lambda s: s.schedules.put("s", Every(MINUTE), echo, args=(1,), tags=["a", "b"], queue_name="other"),
        (0, 3),
    ),
    "put, the same": Write("schedules.put", lambda s: s.schedules.put("s", Every(MINUTE), nothing), (3, 3), put),
    "put, the same in other bytes": Write(
        "schedules.put",
        lambda s: s.schedules.put("s", Every(MINUTE), echo, kwargs={"b": 2, "a": 1}),
        (3, 3),
        lambda w: w.scheduler.schedules.put("s", Every(MINUTE), echo, kwargs={"a": 1, "b": 2}),
    ),
    "put, by a clock that is off": Write(
        "schedules.put", lambda s: an_hour_late(s).schedules.put("s", Every(MINUTE), nothing), (0, 3)
    ),
    "put, changed": Write(
        "schedules.put",
        lambda s: s.schedules.put("s", Every(2 * MINUTE), echo, tags=["b"], queue_name="other"),
        (3, 1),
        lambda w: put(w, tags=["a", "b"]),
    ),
    "put, paused": Write(
        "schedules.put", lambda s: s.schedules.put("s", Every(MINUTE), nothing, paused=True, note="x"), (0, 0)
    ),
    "put, after a deletion": Write(
        "schedules.put",
        lambda s: s.schedules.put("s", Every(MINUTE), nothing),
        (0, 3),
        lambda w: (put(w), w.scheduler.schedules.delete("s")),
    ),
    "update": Write(
        "schedules.update", lambda s: s.schedules.update("s", trigger=Every(2 * MINUTE), tags=["c"]), (3, 1), put
    ),
    "update of a version": Write(
        "schedules.update", lambda s: s.schedules.update("s", version=1, args=(1,), func=echo), (3, 3), put
    ),
    "undo": Write(
        "schedules.undo",
        lambda s: s.schedules.undo("s", version=2),
        (1, 3),
        lambda w: (put(w), w.scheduler.schedules.put("s", Every(2 * MINUTE), nothing, tags=["a"])),
    ),
    "undo of a deletion": Write(
        "schedules.undo",
        lambda s: s.schedules.undo("s", version=1),
        (0, 3),
        lambda w: (put(w, tags=["a"]), w.scheduler.schedules.delete("s")),
    ),
    "pause": Write("schedules.pause", lambda s: s.schedules.pause("s", note="why"), (3, 0), put),
    "resume": Write("schedules.resume", lambda s: s.schedules.resume("s"), (0, 3), lambda w: put(w, paused=True)),
    "run_now": Write("schedules.run_now", lambda s: s.schedules.run_now("s"), (3, 4), put_side_by_side, runs_twice=5),
    "run_now, gone when it has run": Write(
        "schedules.run_now",
        lambda s: s.schedules.run_now("s"),
        (3, 4),
        lambda w: put_side_by_side(w, result_ttl=0),
        runs_twice=5,
    ),
    "run_now, skipped": Write(
        "schedules.run_now",
        lambda s: s.schedules.run_now("s"),
        (1, 1),
        lambda w: waiting_run(w, overlap="skip"),
        runs_twice=1,
    ),
    "run_now, remembered": Write(
        "schedules.run_now",
        lambda s: s.schedules.run_now("s"),
        (1, 1),
        lambda w: waiting_run(w, overlap="buffer_one"),
        runs_twice=1,
    ),
    "run_now, replacing": Write(
        "schedules.run_now",
        lambda s: s.schedules.run_now("s"),
        (1, 1),
        lambda w: waiting_run(w, overlap="replace"),
        steps=2,
        runs_twice=1,
    ),
    "backfill": Write("schedules.backfill", backfill, (0, 5), prepare_backfill, steps=3),
    "change_timezone": Write(
        "schedules.change_timezone", lambda s: s.schedules.change_timezone("s", "Asia/Kolkata"), (1, 0), hourly
    ),
    "change_timezone of a recurring job": Write(
        "schedules.change_timezone", lambda s: s.schedules.change_timezone("r", "Asia/Kolkata"), (1, 0), hourly_job
    ),
    "delete": Write("schedules.delete", lambda s: s.schedules.delete("s"), (3, 0), lambda w: put(w, tags=["a"])),
    "delete of a recurring job": Write("schedules.delete", lambda s: s.schedules.delete("r"), (3, 0), recurring),
    # Many schedules at once: each is a step
    "pause_all": Write("schedules.pause_all", lambda s: s.schedules.pause_all("why", tag="a"), (6, 0), two, steps=2),
    "resume_all": Write("schedules.resume_all", lambda s: s.schedules.resume_all(tag="a"), (0, 6), two_paused, steps=2),
    "run_all_now": Write(
        "schedules.run_all_now",
        lambda s: s.schedules.run_all_now(tag="a"),
        (6, 8),
        lambda w: two(w, overlap="allow"),
        steps=2,
        runs_twice=10,
    ),
    "delete_all": Write("schedules.delete_all", lambda s: s.schedules.delete_all(tag="a"), (6, 0), two, steps=2),
    "backfill_left_out": Write(
        "schedules.backfill_left_out", lambda s: s.schedules.backfill_left_out(tag="a"), (6, 12), two_left_out, steps=4
    ),
    "sync, renaming": Write("schedules.sync", lambda s: s.schedules.sync(RQ_CRON, owner="me"), (3, 3), of_another_name),
    "sync": Write("schedules.sync", sync, (9, 7), prepare_sync, steps=2),
}
