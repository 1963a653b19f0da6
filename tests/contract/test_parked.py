"""What a Scheduler says and does of a job that was planned under an id of which RQ still has a live job."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job

import jobs_for_tests as jobs
from making import dispatcher, waiting
from rq_scheduler import Every, Scheduler
from rq_scheduler.errors import IdTaken, NotScheduled
from rq_scheduler.store.keys import Keys

KEYS = Keys()
DUE = datetime(2030, 1, 1, 9)
PAST = datetime(2020, 1, 1, 9)


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    """With a job `a` of RQ's that waits in its queue, and another that is planned under its id."""
    made = Scheduler(connection=redis)
    Queue("default", connection=redis).enqueue_call(jobs.echo, ("old",), job_id="a")
    made.enqueue_at(DUE, jobs.echo, "new", job_id="a")
    return made


def args_of(job: Job | None) -> tuple[Any, ...] | None:
    return None if job is None else tuple(job.args)


def finish(redis: redis_py.Redis) -> None:
    """RQ is done with the live one; a dispatcher has seen that."""
    redis.lrem("rq:queue:default", 0, "a")
    redis.hset("rq:job:a", "status", "finished")
    look(redis)


def look(redis: redis_py.Redis) -> None:
    if redis.exists(KEYS.parked):
        redis.zadd(KEYS.parked, {"a": 0})
    dispatcher(redis).dispatch_once()


def test_it_is_scheduled(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    assert "a" in scheduler
    assert args_of(scheduler.get_job("a")) == ("new",)
    assert [(job.id, args_of(job), due) for job, due in scheduler.get_jobs(with_times=True)] == [("a", ("new",), DUE)]
    assert scheduler.count() == scheduler.count(until=DUE) == 1
    assert scheduler.count(until=DUE - timedelta(seconds=1)) == 0
    assert list(scheduler.get_jobs_to_queue()) == []
    scheduler.change_execution_time("a", PAST)
    assert [args_of(job) for job in scheduler.get_jobs_to_queue()] == [("new",)]


def test_rq_has_the_live_one(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    assert args_of(Job.fetch("a", connection=redis)) == ("old",)
    Job.fetch("a", connection=redis).delete()
    assert "a" in scheduler
    look(redis)
    assert args_of(Job.fetch("a", connection=redis)) == ("new",)
    assert "a" in scheduler


def test_change_execution_time(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    job = scheduler.get_job("a")
    assert job is not None
    scheduler.change_execution_time(job, DUE + timedelta(hours=1))
    finish(redis)
    assert next(iter(scheduler.get_jobs(with_times=True)))[1] == DUE + timedelta(hours=1)


@pytest.mark.parametrize("delete_job", [False, True])
def test_cancel(redis: redis_py.Redis, scheduler: Scheduler, delete_job: bool) -> None:
    scheduler.cancel("a", delete_job=delete_job)
    assert "a" not in scheduler
    assert waiting(redis) == ["a"]
    assert args_of(Job.fetch("a", connection=redis)) == ("old",)
    assert redis.ttl("rq:job:a") == -1
    with pytest.raises(NotScheduled):
        scheduler.change_execution_time("a", DUE)


def test_its_id_is_taken(scheduler: Scheduler) -> None:
    with pytest.raises(IdTaken):
        scheduler.schedules.put("a", Every(60), jobs.nothing)


def test_the_id_of_a_schedule_is_taken(redis: redis_py.Redis) -> None:
    made = Scheduler(connection=redis)
    made.schedules.put("s", Every(60), jobs.nothing)
    redis.hset("rq:job:s", "status", "started")
    with pytest.raises(IdTaken):
        made.enqueue_at(DUE, jobs.nothing, job_id="s")


def test_in_bulk(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    prepared = (Queue.prepare_data(jobs.echo, ("newer", id), job_id=id) for id in "ab")
    assert scheduler.enqueue_many((DUE, item) for item in prepared) == ["a", "b"]
    assert redis.zrange(KEYS.parked_due, 0, -1) == [b"a"]
    assert redis.zrange(KEYS.scheduled_jobs, 0, -1) == [b"b"]
    assert [args_of(job) for job in scheduler.get_jobs()] == [("newer", "a"), ("newer", "b")]


def test_enqueue_job(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    """Now, that is: as soon as the live one has ended."""
    job = scheduler.get_job("a")
    assert job is not None
    assert scheduler.enqueue_job(job) is job
    assert args_of(Job.fetch("a", connection=redis)) == ("old",)
    assert scheduler.count(until=datetime.now(UTC)) == 1
    finish(redis)
    dispatcher(redis).dispatch_once()
    assert waiting(redis) == ["a"]
    assert args_of(Job.fetch("a", connection=redis)) == ("new",)
    assert "a" not in scheduler


def test_enqueue_jobs(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    """Where an application hands off itself, and no dispatcher runs."""
    scheduler.change_execution_time("a", PAST)
    assert scheduler.enqueue_jobs() == []
    assert waiting(redis) == ["a"]
    redis.lpop("rq:queue:default")
    redis.hset("rq:job:a", "status", "finished")
    redis.zadd(KEYS.parked, {"a": 0})
    assert scheduler.enqueue_jobs() == ["a"]
    assert waiting(redis) == ["a"]
    assert args_of(Job.fetch("a", connection=redis)) == ("new",)
    assert not redis.exists(KEYS.fence), "an application keeps no 0.14 daemon away"
