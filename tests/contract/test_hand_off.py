"""Rows `get_queue_for_job`, `enqueue_job`, `enqueue_jobs` and `run`: handing off from this process."""

import pickle
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from freezegun import freeze_time
from rq import Queue
from rq.job import Job, JobStatus

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Dispatcher
from support import PATIENCE, wait_until

WHEN = datetime(2031, 1, 1)


class LoudQueue(Queue):
    """A queue class of an application."""


def due(scheduler: Scheduler) -> list[datetime]:
    return [when for _, when in scheduler.get_jobs(with_times=True)]


def queued(redis: redis_py.Redis, name: str = "default") -> list[str]:
    return Queue(name, connection=redis).job_ids


# get_queue_for_job


def test_the_jobs_own_queue(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing, queue_name="mine, with spaces: é")
    queue = scheduler.get_queue_for_job(job)
    assert (type(queue), queue.name) == (Queue, "mine, with spaces: é")


def test_of_the_recorded_queue_class(redis: redis_py.Redis) -> None:
    path = f"{__name__}.LoudQueue"
    recording = Scheduler(connection=redis, queue_class=path)
    job = recording.enqueue_at(WHEN, jobs.nothing)
    assert Job.fetch(job.id, connection=redis).meta == {"queue_class_name": path}
    assert type(Scheduler(connection=redis).get_queue_for_job(job)) is LoudQueue
    by_class = Scheduler(connection=redis, queue_class=LoudQueue)
    other = by_class.enqueue_at(WHEN, jobs.nothing)
    assert other.meta == {}
    assert type(by_class.get_queue_for_job(other)) is LoudQueue


def test_a_recorded_class_that_is_gone_is_named(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing, meta={"queue_class_name": "gone.Queue"})
    with pytest.raises(ValueError, match=r"gone\.Queue"):
        scheduler.get_queue_for_job(job)


@pytest.mark.parametrize("name", ["with spaces", "q:é🙂", "x" * 200, "{tag}", "a,b"])
def test_any_queue_name(scheduler: Scheduler, redis: redis_py.Redis, name: str) -> None:
    by_hand = scheduler.enqueue_in(timedelta(0), jobs.nothing, queue_name=name)
    scheduler.enqueue_jobs()
    by_dispatcher = scheduler.enqueue_in(timedelta(0), jobs.nothing, queue_name=name)
    Scheduler(connection=redis).run(burst=True)
    assert queued(redis, name) == [by_hand.id, by_dispatcher.id]


# enqueue_job


def test_enqueue_job_hands_off_now(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing, queue_name="q")
    scheduler.enqueue_job(job)
    assert queued(redis, "q") == [job.id]
    assert job not in scheduler
    stored = Job.fetch(job.id, connection=redis)
    assert stored.get_status() == JobStatus.QUEUED
    assert stored.enqueued_at is not None
    assert redis.smembers("rq:queues") == {b"rq:queue:q"}


def test_enqueue_job_of_one_that_is_not_scheduled(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler._create_job(jobs.nothing)
    scheduler.enqueue_job(job)
    assert queued(redis) == [job.id]


def test_an_interval_rearms_from_the_time_it_was_due(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=60)
    with freeze_time(WHEN + timedelta(seconds=59.5)):
        scheduler.enqueue_job(job)
    # No drift: the next comes half a second later.
    assert due(scheduler) == [WHEN + timedelta(seconds=60)]
    with freeze_time(WHEN):
        scheduler.enqueue_job(job)
    assert due(scheduler) == [WHEN + timedelta(seconds=120)]


def test_a_cron_rearms_from_now(scheduler: Scheduler) -> None:
    with freeze_time("2031-01-01 00:00:30"):
        job = scheduler.cron("*/10 * * * *", jobs.nothing)
    with freeze_time("2031-01-01 00:57:00"):
        scheduler.enqueue_job(job)
    assert due(scheduler) == [datetime(2031, 1, 1, 1, 0)]


def test_a_cron_rearms_in_the_zone_it_was_given(scheduler: Scheduler) -> None:
    with freeze_time("2031-01-01 00:00:00"):
        job = scheduler.cron("30 2 * * *", jobs.nothing, timezone="Asia/Tokyo")
        scheduler.enqueue_job(job)
    assert due(scheduler) == [datetime(2031, 1, 1, 17, 30)]


def test_repeat_counts_down_to_the_number_of_runs(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=60, repeat=2)
    scheduler.enqueue_job(job)
    assert job in scheduler
    assert job.meta["repeat"] == 1
    assert Job.fetch(job.id, connection=redis).meta["repeat"] == 1
    scheduler.enqueue_job(job)
    assert job not in scheduler
    assert job.meta["repeat"] == 0


def test_the_meta_on_the_object_counts(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=60, repeat=2)
    job.meta["interval"] = 5
    job.meta["repeat"] = 10
    scheduler.enqueue_job(job)
    assert due(scheduler) == [WHEN + timedelta(seconds=5)]
    assert Job.fetch(job.id, connection=redis).meta == {"interval": 5, "repeat": 9}
    del job.meta["interval"]
    scheduler.enqueue_job(job)
    assert job not in scheduler


def test_an_edited_cron_string_counts(scheduler: Scheduler) -> None:
    with freeze_time("2031-01-01 00:00:00"):
        job = scheduler.cron("0 12 * * *", jobs.nothing)
        job.meta["cron_string"] = "0 15 * * *"
        scheduler.enqueue_job(job)
    assert due(scheduler) == [datetime(2031, 1, 1, 15)]


def test_meta_that_cannot_be_read_changes_nothing(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=60)
    for broken in ({"interval": "soon"}, {"interval": 60, "repeat": "often"}, {"cron_string": "61 * * * *"}):
        job.meta = broken
        with pytest.raises(ValueError):
            scheduler.enqueue_job(job)
    assert due(scheduler) == [WHEN]
    assert queued(redis) == []


def test_at_front_survives_a_refetch(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    first = scheduler.enqueue_at(WHEN, jobs.nothing)
    front = scheduler.enqueue_at(WHEN, jobs.nothing, at_front=True)
    scheduler.enqueue_job(first)
    refetched = scheduler.get_job(front.id)
    assert refetched is not None
    scheduler.enqueue_job(refetched)
    assert queued(redis) == [front.id, first.id]


def test_depends_on_defers_at_the_hand_off(scheduler: Scheduler, redis: redis_py.Redis, run_worker: Any) -> None:
    parent = Queue("parents", connection=redis).enqueue(jobs.nothing)
    job = scheduler.enqueue_in(timedelta(0), jobs.push_id, depends_on=parent)
    scheduler.enqueue_jobs()
    assert job not in scheduler
    assert Job.fetch(job.id, connection=redis).get_status() == JobStatus.DEFERRED
    assert queued(redis) == []
    run_worker("parents", "default")
    assert redis.lrange("test:ran", 0, -1) == [job.id.encode()]


# enqueue_jobs


def test_enqueue_jobs_hands_off_what_is_due_by_pythons_clock(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    late, now, early = (scheduler.enqueue_at(WHEN + timedelta(seconds=n), jobs.nothing) for n in (-1, 0, 1))
    with freeze_time(WHEN):
        assert scheduler.enqueue_jobs() == [late.id, now.id]
    assert queued(redis) == [late.id, now.id]
    assert early in scheduler


def test_enqueue_jobs_hands_each_off_once(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=1)
    with freeze_time(WHEN + timedelta(seconds=100)):
        assert scheduler.enqueue_jobs() == [job.id]
    assert due(scheduler) == [WHEN + timedelta(seconds=1)]
    assert queued(redis) == [job.id]


def test_enqueue_jobs_past_many_pages(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    ids = scheduler.enqueue_many((WHEN + timedelta(seconds=n), jobs.nothing) for n in range(450))
    with freeze_time("2032-01-01"):
        assert scheduler.enqueue_jobs() == ids
    assert queued(redis) == ids
    assert scheduler.count() == 0


def test_enqueue_jobs_calls_enqueue_job(redis: redis_py.Redis) -> None:
    seen: list[str] = []

    class Watching(Scheduler):
        def enqueue_job(self, job: Job) -> Job:
            seen.append(job.id)
            return super().enqueue_job(job)

    scheduler = Watching(connection=redis)
    job = scheduler.enqueue_in(timedelta(0), jobs.nothing)
    scheduler.enqueue_jobs()
    assert seen == [job.id]
    assert queued(redis) == [job.id]


def test_a_job_handed_off_by_somebody_else_meanwhile_is_not_handed_off_again(redis: redis_py.Redis) -> None:
    class Slow(Scheduler):
        def enqueue_job(self, job: Job) -> Job:
            Scheduler(connection=redis).run(burst=True)
            return super().enqueue_job(job)

    scheduler = Slow(connection=redis)
    one_off = scheduler.enqueue_in(timedelta(seconds=-1), jobs.nothing)
    recurring = scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=3600)
    assert scheduler.enqueue_jobs() == []
    assert sorted(queued(redis)) == sorted([one_off.id, recurring.id])
    assert one_off not in scheduler
    assert recurring in scheduler


@pytest.mark.parametrize("with_times", [False, True])
def test_jobs_read_before_a_dispatcher_had_them_are_handed_off_once(
    scheduler: Scheduler, redis: redis_py.Redis, with_times: bool
) -> None:
    """0.14's idiom: read what is due, and enqueue each. A dispatcher is at it too."""
    one_off = scheduler.enqueue_in(timedelta(seconds=-2), jobs.nothing)
    recurring = scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=3600)
    read = list(scheduler.get_jobs_to_queue(with_times=with_times))
    assert len(read) == 2
    Scheduler(connection=redis).run(burst=True)
    rearmed = due(scheduler)
    for each in read:
        scheduler.enqueue_job(each[0] if isinstance(each, tuple) else each)
    assert queued(redis) == [one_off.id, recurring.id]
    assert due(scheduler) == rearmed
    assert Job.fetch(one_off.id, connection=redis).get_status() == JobStatus.QUEUED


def test_jobs_read_before_they_were_cancelled_or_moved_are_not_handed_off(
    scheduler: Scheduler, redis: redis_py.Redis
) -> None:
    cancelled, moved, left = (scheduler.enqueue_in(timedelta(seconds=-5), jobs.nothing) for _ in range(3))
    read = list(scheduler.get_jobs_to_queue())
    scheduler.cancel(cancelled.id)
    scheduler.change_execution_time(moved.id, WHEN)
    for job in read:
        scheduler.enqueue_job(job)
    assert queued(redis) == [left.id]
    assert due(scheduler) == [WHEN]


def test_two_who_read_the_same_jobs(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    for _ in range(3):
        scheduler.enqueue_in(timedelta(seconds=-1), jobs.nothing)
    other = Scheduler(connection=redis)
    for ours, theirs in zip(list(scheduler.get_jobs_to_queue()), list(other.get_jobs_to_queue()), strict=True):
        scheduler.enqueue_job(ours)
        other.enqueue_job(theirs)
    assert len(queued(redis)) == len(set(queued(redis))) == 3


def test_a_job_read_as_due_can_be_handed_off_again_by_its_caller(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=3600)
    (job,) = scheduler.get_jobs_to_queue()
    scheduler.enqueue_job(job)
    scheduler.enqueue_job(job)
    assert queued(redis) == [job.id, job.id], "each call is a run, as in 0.14"


@pytest.mark.filterwarnings("ignore:'nightly' was scheduled already")
def test_defining_a_schedule_anew_does_not_double_its_run(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    """Applications do so at each start."""
    for _ in range(3):
        scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=3600, id="nightly")
        Scheduler(connection=redis).run(burst=True)
    assert queued(redis) == ["nightly"]


def test_a_job_that_an_override_has_saved_is_scheduled(redis: redis_py.Redis) -> None:
    """It is in Redis before our save, and is no echo of it."""

    class Saving(Scheduler):
        def _create_job(self, *args: Any, **kwargs: Any) -> Job:
            return super()._create_job(*args, **{**kwargs, "commit": True})

    scheduler = Saving(connection=redis)
    one_off = scheduler.enqueue_in(timedelta(seconds=-2), jobs.nothing)
    recurring = scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=3600)
    Scheduler(connection=redis).run(burst=True)
    assert queued(redis) == [one_off.id, recurring.id]


def test_the_repeat_that_is_left_outlives_the_job(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    """With a result_ttl the job expires between two runs; its copy counts on, whoever hands off."""
    job = scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=0.001, repeat=5, result_ttl=5)

    def expire() -> None:
        redis.delete(job.key, "rq:queue:default")

    def left() -> Any:
        found = scheduler.get_job(job.id)
        return None if found is None else found.meta["repeat"]

    scheduler.enqueue_job(job)
    expire()
    assert left() == 4
    for expected in (3, 2):
        wait_until(lambda: Dispatcher(redis).dispatch_once().handed_off)
        expire()
        assert left() == expected
    wait_until(lambda: scheduler.enqueue_jobs())
    expire()
    assert left() == 1
    wait_until(lambda: Dispatcher(redis).dispatch_once().handed_off)
    assert queued(redis) == [job.id]
    assert job not in scheduler


def test_one_bad_job_holds_up_no_other(
    scheduler: Scheduler, redis: redis_py.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    bad = scheduler.enqueue_at(WHEN, jobs.nothing, meta={"queue_class_name": "gone.Queue"})
    good = scheduler.enqueue_at(WHEN, jobs.nothing)
    with freeze_time("2032-01-01"):
        assert scheduler.enqueue_jobs() == [good.id]
    assert bad in scheduler
    assert bad.id in caplog.text


def test_a_failing_override_holds_up_no_other_and_redis_errors_come_through(redis: redis_py.Redis) -> None:
    class Failing(Scheduler):
        fails_with: Exception = KeyError("ours")

        def enqueue_job(self, job: Job) -> Job:
            if job.id == "bad":
                raise self.fails_with
            return super().enqueue_job(job)

    scheduler = Failing(connection=redis)
    scheduler.enqueue_at(WHEN, jobs.nothing, job_id="bad")
    scheduler.enqueue_at(WHEN, jobs.nothing, job_id="good")
    with freeze_time("2032-01-01"):
        assert scheduler.enqueue_jobs() == ["good"]
        scheduler.fails_with = redis_py.exceptions.ConnectionError("gone")
        with pytest.raises(redis_py.exceptions.ConnectionError):
            scheduler.enqueue_jobs()


def test_meta_that_is_no_dict(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing)
    redis.hset(job.key, "meta", pickle.dumps([1, 2]))
    with freeze_time("2032-01-01"):
        assert scheduler.enqueue_jobs() == [job.id]
    assert queued(redis) == [job.id]
    assert pickle.loads(redis.hget(job.key, "meta") or b"") == [1, 2]


def test_meta_that_cannot_be_read_is_left_as_it_is(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing)
    recurring = scheduler.schedule(WHEN, jobs.nothing, interval=60)
    redis.hset(job.key, "meta", b"not ours")
    redis.hset(recurring.key, "meta", b"not ours either: interval")
    with freeze_time("2032-01-01"):
        assert scheduler.enqueue_jobs() == [job.id]
    assert redis.hget(job.key, "meta") == b"not ours"
    assert recurring in scheduler
    assert queued(redis) == [job.id]


# run


def test_run_burst_hands_off_what_is_due_and_returns(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_in(timedelta(0), jobs.nothing)
    later = scheduler.enqueue_in(timedelta(hours=1), jobs.nothing)
    Scheduler(connection=redis).run(burst=True)
    assert queued(redis) == [job.id]
    assert later in scheduler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_loops_until_a_signal(redis: redis_py.Redis, redis_url: str, processes: Any, number: int) -> None:
    program = (
        "from redis import Redis; from rq_scheduler import Scheduler\n"
        f"try: Scheduler(connection=Redis.from_url({redis_url!r})).run()\n"
        "except SystemExit as error: print('left by SystemExit', error.code)"
    )
    process = processes.start(sys.executable, "-c", program)
    scheduler = Scheduler(connection=redis)
    job = scheduler.enqueue_in(timedelta(0), jobs.nothing)
    wait_until(lambda: queued(redis) == [job.id], message=process.output)
    second = scheduler.enqueue_in(timedelta(milliseconds=50), jobs.nothing)
    wait_until(lambda: queued(redis) == [job.id, second.id], message=process.output)
    process.signal(number)
    assert process.wait(PATIENCE) == 0
    assert "left by SystemExit 0" in process.output()


@pytest.mark.parametrize("overridden", ["enqueue_job", "get_queue_for_job"])
def test_run_honours_overrides(redis: redis_py.Redis, overridden: str) -> None:
    calls: list[str] = []
    original: Callable[..., Any] = getattr(Scheduler, overridden)

    def override(self: Scheduler, job: Job) -> Any:
        calls.append(job.id)
        return original(self, job)

    scheduler = type("Overriding", (Scheduler,), {overridden: override})(connection=redis)
    one_off = scheduler.enqueue_in(timedelta(0), jobs.nothing)
    recurring = scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=3600)
    scheduler.run(burst=True)
    assert sorted(calls) == sorted([one_off.id, recurring.id])
    assert sorted(queued(redis)) == sorted([one_off.id, recurring.id])
    assert recurring in scheduler
