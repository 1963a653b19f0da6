"""Rows `enqueue_at` and `enqueue_in`: one-off jobs and their keywords."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import redis as redis_py
from freezegun import freeze_time
from rq import Callback, Queue, Retry
from rq.job import Job, JobStatus

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.errors import SchedulerWarning

WHEN = datetime(2031, 5, 6, 7, 8, 9, 123_456)


def due(scheduler: Scheduler, job: Job) -> datetime:
    (found,) = (when for each, when in scheduler.get_jobs(with_times=True) if each.id == job.id)
    return found


def takes_ttl(*, ttl: int) -> int:
    return ttl


def takes_start(*, start: int, tags: tuple[str, ...], args: Any, interval: int, retry: int) -> None:
    """A function whose own parameters bear the names that schedulers like."""


def test_enqueue_at_returns_the_saved_job(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.enqueue_at(WHEN, jobs.add, 1, b=2)
    assert (job.func, job.args, job.kwargs) == (jobs.add, (1,), {"b": 2})
    stored = Job.fetch(job.id, connection=redis)
    assert (stored.func_name, stored.args, stored.kwargs) == ("jobs_for_tests.add", (1,), {"b": 2})
    assert stored.get_status() == JobStatus.SCHEDULED
    assert stored.origin == "default"
    assert stored.meta == {}
    assert stored.timeout is None
    assert redis.ttl(job.key) == -1
    assert redis.zscore("rq:scheduler:scheduled_jobs", job.id) == 1_935_817_689.123_456


@pytest.mark.parametrize(
    "moment",
    [
        WHEN,
        WHEN.replace(tzinfo=UTC),
        (WHEN + timedelta(hours=9)).replace(tzinfo=timezone(timedelta(hours=9))),
        datetime(1969, 12, 31, 23, 59, 59, 999_999),
        datetime(9999, 12, 31, 23, 59, 59),
    ],
)
def test_enqueue_at_any_datetime(scheduler: Scheduler, moment: datetime) -> None:
    job = scheduler.enqueue_at(moment, jobs.nothing)
    utc = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    assert due(scheduler, job) == utc


def test_enqueue_in_counts_from_pythons_now(scheduler: Scheduler) -> None:
    with freeze_time("2031-01-01 00:00:00"):
        job = scheduler.enqueue_in(timedelta(minutes=1, microseconds=7), jobs.add, 1, b=2)
    assert due(scheduler, job) == datetime(2031, 1, 1, 0, 1, 0, 7)
    assert (job.args, job.kwargs) == ((1,), {"b": 2})


def test_a_negative_delta_is_due_at_once(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_in(timedelta(hours=-1), jobs.nothing)
    assert [each.id for each in scheduler.get_jobs_to_queue()] == [job.id]
    assert scheduler.enqueue_in(timedelta.min, jobs.nothing) in scheduler


def test_consumed_keywords(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    parent = Queue("default", connection=redis).enqueue(jobs.nothing)
    meta = {"who": "me"}
    job = scheduler.enqueue_at(
        WHEN,
        jobs.echo,
        "x",
        timeout="10m",
        job_id="my-id_1",
        job_ttl=100,
        job_result_ttl=200,
        job_description="words",
        depends_on=parent,
        meta=meta,
        queue_name="other",
        on_success=jobs.nothing,
        on_failure=Callback(jobs.nothing, timeout=5),
        at_front=True,
        failure_ttl=timedelta(minutes=5),
        on_stopped="jobs_for_tests.nothing",
        retry=Retry(max=3, interval=[1, 2]),
        left="over",
    )
    assert job.meta is meta
    stored = Job.fetch("my-id_1", connection=redis)
    assert (stored.args, stored.kwargs) == (("x",), {"left": "over"})
    assert (stored.timeout, stored.ttl, stored.result_ttl, stored.failure_ttl) == (600, 100, 200, 300)
    assert (stored.description, stored.meta, stored.origin) == ("words", {"who": "me"}, "other")
    assert stored.enqueue_at_front is True
    assert (stored.retries_left, stored.retry_intervals) == (3, [1, 2])
    assert stored._dependency_ids == [parent.id]
    assert stored.success_callback == stored.failure_callback == stored.stopped_callback == jobs.nothing
    assert stored.failure_callback_timeout == 5
    # While it waits nothing expires; its ttl counts from the hand-off.
    assert redis.ttl(stored.key) == -1


def test_everything_else_goes_to_the_function(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_at(WHEN, takes_start, start=1, tags=("a",), args=[1], interval=5, retry=3)
    assert job.kwargs == {"start": 1, "tags": ("a",), "args": [1], "interval": 5, "retry": 3}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("args", "positional arguments after the function"),
        ("job_timeout", "called timeout"),
        ("result_ttl", "called job_result_ttl"),
        ("ttl", "called job_ttl"),
        ("description", "called job_description"),
    ],
)
def test_names_that_look_like_an_option_warn(scheduler: Scheduler, name: str, remedy: str) -> None:
    with pytest.warns(SchedulerWarning, match=remedy) as told:
        job = scheduler.enqueue_at(WHEN, jobs.echo, **{name: 5})
    assert job.kwargs == {name: 5}
    assert len(told) == 1
    assert told[0].filename == __file__


def test_no_warning_when_the_function_declares_the_name(scheduler: Scheduler) -> None:
    for func in (takes_ttl, f"{__name__}.takes_ttl"):
        assert scheduler.enqueue_at(WHEN, func, ttl=5).kwargs == {"ttl": 5}
    with pytest.warns(SchedulerWarning, match="does not declare it"):
        scheduler.enqueue_at(WHEN, "somewhere.only.workers.know", ttl=5)


def test_a_dotted_name_is_looked_at_where_importable(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_at(WHEN, "jobs_for_tests.add", 1, b=2)
    assert job.func_name == "jobs_for_tests.add"
    assert scheduler.enqueue_at(WHEN, "code.only.workers.have", 1).func_name == "code.only.workers.have"


def test_a_warning_is_given_once_per_call_site(scheduler: Scheduler) -> None:
    def two_sites() -> None:
        for _ in range(3):
            scheduler.enqueue_at(WHEN, jobs.echo, result_ttl=5)
        scheduler.enqueue_at(WHEN, jobs.echo, result_ttl=5)

    with pytest.warns(SchedulerWarning) as told:
        two_sites()
    assert len(told) == 2
    assert told[0].lineno != told[1].lineno


def test_an_existing_id_is_replaced(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    scheduler.schedule(WHEN, jobs.echo, args=("old",), id="same", interval=5, description="old", queue_name="q")
    scheduler.enqueue_at(WHEN + timedelta(days=1), jobs.nothing, job_id="same")
    assert scheduler.count() == 1
    ((job, when),) = scheduler.get_jobs(with_times=True)
    assert when == WHEN + timedelta(days=1)
    assert (job.func_name, job.args, job.meta, job.origin) == ("jobs_for_tests.nothing", (), {}, "default")
    assert job.result_ttl is None
    assert not redis.exists("rq:scheduler:schedule:same")


def test_bound_methods_travel_with_their_object(scheduler: Scheduler, redis: redis_py.Redis, run_worker: Any) -> None:
    job = scheduler.enqueue_in(timedelta(0), jobs.Greeter("good day").greet, "Ann")
    scheduler.enqueue_jobs()
    run_worker("default")
    assert Job.fetch(job.id, connection=redis).return_value() == "good day Ann"
