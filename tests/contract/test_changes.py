"""Rows `cancel` and `change_execution_time`."""

import calendar
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py
from freezegun import freeze_time
from rq import Queue
from rq.job import Job, JobStatus

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.errors import IdTaken, NotScheduled

WHEN = datetime(2031, 1, 1)
YEAR = 31_536_000


@pytest.mark.parametrize("by_id", [False, True])
def test_cancel_keeps_the_job_fetchable_for_a_year(scheduler: Scheduler, redis: redis_py.Redis, by_id: bool) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing)
    assert scheduler.cancel(job.id if by_id else job) is None
    assert job not in scheduler
    assert Job.fetch(job.id, connection=redis).func_name == "jobs_for_tests.nothing"
    assert YEAR - 500 < redis.ttl(job.key) <= YEAR


def test_cancel_keeps_it_for_its_own_failure_ttl(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing, failure_ttl=1000)
    scheduler.cancel(job)
    assert 900 < redis.ttl(job.key) <= 1000


def test_cancel_and_delete(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing)
    assert scheduler.cancel(job, delete_job=True) is None
    assert redis.keys() == []


def test_cancel_of_the_unknown(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    assert scheduler.cancel("unknown") is None
    assert scheduler.cancel("unknown", delete_job=True) is None
    assert redis.keys() == []


def test_cancel_does_not_touch_a_job_already_handed_off(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_in(timedelta(0), jobs.nothing)
    scheduler.enqueue_jobs()
    scheduler.cancel(job, delete_job=True)
    assert redis.ttl(job.key) == -1
    assert Queue("default", connection=redis).job_ids == [job.id]
    assert Job.fetch(job.id, connection=redis).get_status() == JobStatus.QUEUED


def test_cancel_ends_a_recurring_job(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=60)
    scheduler.cancel(job)
    assert job not in scheduler
    assert redis.ttl(job.key) > 0
    assert not redis.exists(f"rq:scheduler:schedule:{job.id}")


def test_change_execution_time(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing)
    later = datetime(2032, 2, 3, 4, 5, 6, 789_000)
    assert scheduler.change_execution_time(job, later) is None
    assert [when for _, when in scheduler.get_jobs(with_times=True)] == [later]
    scheduler.change_execution_time(job.id, WHEN.replace(tzinfo=UTC))
    assert [when for _, when in scheduler.get_jobs(with_times=True)] == [WHEN]


def test_change_execution_time_of_what_is_not_scheduled(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.nothing)
    scheduler.cancel(job)
    with pytest.raises(ValueError, match="not scheduled"):
        scheduler.change_execution_time(job, WHEN)
    with pytest.raises(NotScheduled, match=job.id):
        scheduler.change_execution_time(job, WHEN)
    assert scheduler.count() == 0


def test_an_interval_counts_on_from_the_changed_time(scheduler: Scheduler) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=3600)
    moved = WHEN + timedelta(minutes=20)
    scheduler.change_execution_time(job, moved)
    with freeze_time(moved + timedelta(seconds=3)):
        scheduler.enqueue_jobs()
    assert [when for _, when in scheduler.get_jobs(with_times=True)] == [moved + timedelta(hours=1)]


def test_a_changed_time_is_meant_exactly_whatever_the_jitter(scheduler: Scheduler) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=3600, jitter=600)
    ((_, delayed),) = scheduler.get_jobs(with_times=True)
    assert WHEN < delayed < WHEN + timedelta(minutes=10), "it is listed at the time at which it runs"
    moved = WHEN + timedelta(minutes=20)
    scheduler.change_execution_time(job, moved)
    assert [when for _, when in scheduler.get_jobs(with_times=True)] == [moved]


def test_a_client_that_decodes(redis: redis_py.Redis) -> None:
    """`decode_responses=True`: RQ reads no job through it, and what 0.14 could do with it still works."""
    options = redis.connection_pool.connection_kwargs
    with redis_py.Redis(host=options["host"], port=options["port"], decode_responses=True) as decoding:
        scheduler = Scheduler(connection=decoding)
        job = scheduler.enqueue_at(WHEN, jobs.nothing)
        scheduler.change_execution_time(job, WHEN + timedelta(hours=1))
        assert job in scheduler
        assert redis.zscore("rq:scheduler:scheduled_jobs", job.id) == calendar.timegm(WHEN.timetuple()) + 3600
        scheduler.cancel(job)
        with pytest.raises(NotScheduled):
            scheduler.change_execution_time(job, WHEN)
        gone = scheduler.enqueue_at(WHEN, jobs.nothing)
        scheduler.cancel(gone, delete_job=True)
        assert not redis.exists(gone.key)
        redis.hset("rq:scheduler:schedule:mine", "kind", "schedule")
        with pytest.raises(IdTaken):
            scheduler.enqueue_at(WHEN, jobs.nothing, job_id="mine")
        assert scheduler.count() == 0
