"""The constructor, the attributes, the lock and the life of an instance."""

import logging
import os
import re
import time
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

import jobs_for_tests as jobs
import rq_scheduler
import rq_scheduler.scheduler
from making import lives_for
from rq_scheduler import VERSION, Scheduler
from rq_scheduler.errors import InvalidArgument, InvalidType, NameTaken, SchedulerWarning


class OwnJob(Job):
    """A job class of an application."""


class OwnQueue(Queue):
    """A queue class of an application."""


def test_names() -> None:
    assert rq_scheduler.scheduler.Scheduler is Scheduler
    assert isinstance(VERSION, tuple)
    assert ".".join(map(str, VERSION)) == re.match(r"\d+\.\d+\.\d+", rq_scheduler.__version__).group()  # type: ignore[union-attr]
    from rq_scheduler.utils import from_unix, get_next_scheduled_time, rationalize_until, setup_loghandlers, to_unix

    assert all((from_unix, get_next_scheduled_time, rationalize_until, setup_loghandlers, to_unix))


def test_class_attributes() -> None:
    assert Scheduler.scheduler_key == "rq:scheduler"
    assert Scheduler.scheduler_lock_key == "rq:scheduler_lock"
    assert Scheduler.scheduled_jobs_key == "rq:scheduler:scheduled_jobs"
    assert Scheduler.redis_scheduler_namespace_prefix == "rq:scheduler_instance:"
    assert Scheduler.queue_class is Queue
    assert Scheduler.job_class is Job


def test_connection_is_required() -> None:
    with pytest.raises(ValueError, match="connection"):
        Scheduler()
    with pytest.raises(InvalidArgument):
        Scheduler("default", None, 60)


def test_building_one_sends_nothing(redis: redis_py.Redis) -> None:
    nowhere = redis_py.Redis(port=1)
    queue = Queue("q", connection=nowhere)
    assert Scheduler("a", queue, 60, nowhere, None, None, "name").queue_name == "q"


def test_instance_attributes(redis: redis_py.Redis) -> None:
    scheduler = Scheduler(connection=redis)
    assert scheduler.connection is redis
    assert scheduler.queue_name == "default"
    assert re.fullmatch("[0-9a-f]{32}", scheduler.name)
    assert scheduler.name != Scheduler(connection=redis).name
    assert scheduler.key == f"rq:scheduler_instance:{scheduler.name}"
    assert scheduler.pid == os.getpid()
    assert isinstance(scheduler.log, logging.Logger)
    assert scheduler.log.name == "rq_scheduler.scheduler"
    assert scheduler._interval == 60
    assert Scheduler(connection=redis, interval=2.5)._interval == 2.5
    assert Scheduler("other", connection=redis, name="me").key == "rq:scheduler_instance:me"


def test_a_queue_wins_over_its_name(redis: redis_py.Redis) -> None:
    queue = Queue("mine", connection=redis)
    assert Scheduler("other", queue=queue, connection=redis).enqueue_at(_when(), jobs.nothing).origin == "mine"


def _when():  # type: ignore[no-untyped-def]
    from datetime import datetime

    return datetime(2031, 1, 1)


@pytest.mark.parametrize("as_path", [False, True])
def test_job_and_queue_class(redis: redis_py.Redis, as_path: bool) -> None:
    scheduler = Scheduler(
        connection=redis,
        job_class=f"{__name__}.OwnJob" if as_path else OwnJob,
        queue_class=f"{__name__}.OwnQueue" if as_path else OwnQueue,
    )
    assert scheduler.job_class is OwnJob
    assert scheduler.queue_class is OwnQueue
    job = scheduler.enqueue_at(_when(), jobs.nothing)
    assert type(job) is OwnJob
    assert [type(found) for found in scheduler.get_jobs()] == [OwnJob]
    assert ("queue_class_name" in job.meta) is as_path


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("job_class", "no.such.Job"),
        ("job_class", Queue),
        ("queue_class", "no.such.Queue"),
        ("queue_class", "rq.Retry"),
        ("queue", "default"),
        ("interval", "soon"),
        ("interval", -1),
        ("interval", float("nan")),
    ],
)
def test_constructor_refuses(redis: redis_py.Redis, keyword: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError), match=keyword):
        Scheduler(connection=redis, **{keyword: value})  # type: ignore[arg-type]


def test_serializer(redis: redis_py.Redis) -> None:
    by_name = Scheduler(connection=redis, serializer="rq.serializers.JSONSerializer")
    by_queue = Scheduler(connection=redis, queue=Queue("q", connection=redis, serializer=JSONSerializer))
    for scheduler in (by_name, by_queue):
        job = scheduler.schedule(_when(), jobs.echo, ["é", 1], interval=5)
        stored = Job.fetch(job.id, connection=redis, serializer=JSONSerializer)
        assert (stored.args, stored.meta) == (["é", 1], {"interval": 5})
        found = scheduler.get_job(job.id)
        assert found is not None
        assert found.args == ["é", 1]
        assert scheduler.get_queue_for_job(job).serializer is JSONSerializer


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ("jsno", InvalidArgument, "give 'json', 'pickle'"),
        ("shopp.serializers.Own", InvalidArgument, "no module 'shopp'"),
        ("rq.serializers.JSONSerialiser", InvalidArgument, "Did you mean rq.serializers.JSONSerializer"),
        ("os.path", InvalidType, "has no dumps and loads"),
        (5, InvalidType, "has no dumps and loads"),
        (dict, InvalidType, "has no dumps and loads"),
    ],
)
def test_what_is_no_serializer(redis: redis_py.Redis, given: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as refused:
        Scheduler(connection=redis, serializer=given)
    assert str(refused.value).startswith(f"serializer={given!r}")


# The lock


def test_the_lock_is_exclusive_between_instances(redis: redis_py.Redis) -> None:
    one, other = Scheduler(connection=redis, interval=20), Scheduler(connection=redis)
    began = time.monotonic()
    assert one.acquire_lock() is True
    assert lives_for(redis, "rq:scheduler_lock", 30, began)
    assert other.acquire_lock() is False
    assert one.acquire_lock() is False
    other.remove_lock()
    assert other.acquire_lock() is False
    one.remove_lock()
    assert not redis.exists("rq:scheduler_lock")
    assert other.acquire_lock() is True


def test_instances_of_one_name_are_still_two(redis: redis_py.Redis) -> None:
    one, other = Scheduler(connection=redis, name="same"), Scheduler(connection=redis, name="same")
    assert one.acquire_lock()
    other.remove_lock()
    assert not other.acquire_lock()


def test_a_lock_that_ran_out_is_not_taken_from_its_next_owner(redis: redis_py.Redis) -> None:
    one, other = Scheduler(connection=redis), Scheduler(connection=redis)
    one.acquire_lock()
    redis.delete("rq:scheduler_lock")
    assert other.acquire_lock()
    one.remove_lock()
    assert redis.exists("rq:scheduler_lock")


def test_the_lock_is_not_to_be_had_while_dispatchers_hold_the_fence(redis: redis_py.Redis) -> None:
    redis.set("rq:scheduler_lock", "rq-scheduler:dispatchers", px=150_000)
    scheduler = Scheduler(connection=redis)
    assert scheduler.acquire_lock() is False
    scheduler.remove_lock()
    assert redis.exists("rq:scheduler_lock")


# Birth and death


def test_birth_heartbeat_and_death(redis: redis_py.Redis) -> None:
    scheduler = Scheduler(connection=redis, interval=30, name="me")
    before, began = time.time(), time.monotonic()
    scheduler.register_birth()
    assert before <= float(redis.hget(scheduler.key, "birth") or 0) <= time.time()
    assert lives_for(redis, scheduler.key, 40, began)
    redis.expire(scheduler.key, 20)
    began = time.monotonic()
    scheduler.heartbeat()
    assert lives_for(redis, scheduler.key, 40, began)
    with pytest.raises(ValueError, match="me"):
        Scheduler(connection=redis, name="me").register_birth()
    with pytest.raises(NameTaken):
        scheduler.register_birth()
    scheduler.register_death()
    Scheduler(connection=redis, name="me").register_birth()


class RunsAtOnce(Queue):
    """A queue class of an application's tests."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "is_async": False})


class Wants(Queue):
    """A queue class that is built in its own way alone."""

    def __init__(self, name: str, *, site: str, **options: Any) -> None:
        super().__init__(name, **options)


def test_queues_that_run_jobs_at_once(redis: redis_py.Redis) -> None:
    """Scheduled jobs are due later: then they are queued."""

    def build() -> Scheduler:
        return Scheduler(queue=Queue("q", connection=redis, is_async=False), connection=redis)

    with pytest.warns(SchedulerWarning, match=r"queue 'q' has is_async=False.*queued all the same") as warned:
        first = build()
    assert warned[0].filename == __file__
    assert build().queue_name == "q", "it is said once per call site"
    first.enqueue_in(timedelta(seconds=-1), jobs.nothing, job_id="a")
    first.run(burst=True)
    assert redis.lrange("rq:queue:q", 0, -1) == [b"a"]
    with pytest.warns(SchedulerWarning, match=r"queue_class=RunsAtOnce .*queued all the same"):
        Scheduler(connection=redis, queue_class=RunsAtOnce)
    with pytest.warns(SchedulerWarning, match=r"queue_class=RunsAtOnce .*queued all the same"):
        type("Mine", (Scheduler,), {"queue_class": RunsAtOnce})(connection=redis)


def test_queues_of_which_that_is_not_known(redis: redis_py.Redis) -> None:
    Scheduler(connection=redis, queue_class=OwnQueue)
    Scheduler(connection=redis, queue_class=Wants)
    Scheduler(queue=Queue("q", connection=redis), connection=redis)
