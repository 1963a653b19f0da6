"""Rows `in`, `count`, `get_jobs`, `get_jobs_to_queue`, and `get_job`: what is scheduled. A read never writes."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from freezegun import freeze_time
from rq.job import Job

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.errors import JobUnreadable

FIRST = datetime(2031, 1, 1)
SECOND = FIRST + timedelta(minutes=1)


@pytest.fixture
def three(scheduler: Scheduler) -> list[str]:
    """Three jobs a minute apart, saved in another order."""
    for minute in (2, 0, 1):
        scheduler.enqueue_at(FIRST + timedelta(minutes=minute), jobs.nothing, job_id=f"job-{minute}")
    return ["job-0", "job-1", "job-2"]


def ids(jobs_: Any) -> list[str]:
    return [job.id for job in jobs_]


def test_contains(scheduler: Scheduler) -> None:
    job = scheduler.enqueue_at(FIRST, jobs.nothing)
    assert job in scheduler
    assert job.id in scheduler
    assert "unknown" not in scheduler
    scheduler.cancel(job)
    assert job not in scheduler


def test_count(scheduler: Scheduler, three: list[str]) -> None:
    assert scheduler.count() == 3
    assert scheduler.count(SECOND) == 2
    assert scheduler.count(SECOND.replace(tzinfo=UTC)) == 2
    assert scheduler.count(until=1_924_992_060) == 2
    assert scheduler.count(until=1_924_992_059.9) == 1
    with freeze_time(FIRST):
        assert scheduler.count(timedelta(seconds=59)) == 1
        assert scheduler.count(timedelta(minutes=2)) == 3


def test_get_jobs_in_due_order(scheduler: Scheduler, three: list[str]) -> None:
    found = scheduler.get_jobs()
    assert iter(found) is found
    assert all(isinstance(job, Job) for job in scheduler.get_jobs())
    assert ids(found) == three


def test_get_jobs_with_times(scheduler: Scheduler, three: list[str]) -> None:
    pairs = list(scheduler.get_jobs(with_times=True))
    assert [(job.id, when) for job, when in pairs] == [
        (name, FIRST + timedelta(minutes=minute)) for minute, name in enumerate(three)
    ]
    assert pairs[0][1].tzinfo is None


def test_get_jobs_until(scheduler: Scheduler, three: list[str]) -> None:
    assert ids(scheduler.get_jobs(SECOND)) == three[:2]
    assert ids(scheduler.get_jobs(until=1_924_992_000)) == three[:1]
    assert ids(scheduler.get_jobs(until=float("inf"))) == three
    with freeze_time(FIRST):
        assert ids(scheduler.get_jobs(timedelta(minutes=1))) == three[:2]


def test_get_jobs_offset_and_length(scheduler: Scheduler, three: list[str]) -> None:
    assert ids(scheduler.get_jobs(offset=1, length=1)) == three[1:2]
    assert ids(scheduler.get_jobs(offset=0, length=9)) == three
    assert ids(scheduler.get_jobs(offset=3, length=1)) == []
    assert ids(scheduler.get_jobs(SECOND, offset=1, length=5)) == three[1:2]
    for alone in ({"offset": 1}, {"length": 1}):
        with pytest.raises(ValueError, match="go together"):
            scheduler.get_jobs(**alone)  # type: ignore[call-overload]


def test_get_jobs_reads_pages_as_they_are_used(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    scheduler.enqueue_many((FIRST + timedelta(seconds=n), jobs.add, (n,)) for n in range(1000))
    redis.config_resetstat()
    some = list(itertools.islice(scheduler.get_jobs(), 10))
    assert [job.args[0] for job in some] == list(range(10))
    assert redis.info("commandstats")["cmdstat_hgetall"]["calls"] <= 200
    assert [job.args[0] for job in scheduler.get_jobs()] == list(range(1000))


def test_a_job_whose_hash_is_gone_is_not_returned_and_not_removed(
    scheduler: Scheduler, three: list[str], redis: redis_py.Redis
) -> None:
    redis.delete("rq:job:job-1")
    assert ids(scheduler.get_jobs()) == ["job-0", "job-2"]
    assert scheduler.get_job("job-1") is None
    assert scheduler.count() == 3
    assert "job-1" in scheduler


def test_a_job_that_cannot_be_read_holds_up_no_other(
    scheduler: Scheduler, three: list[str], redis: redis_py.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.hset("rq:job:job-1", "created_at", "yesterday")
    assert ids(scheduler.get_jobs()) == ["job-0", "job-2"]
    assert "job-1" in caplog.text
    with pytest.raises(JobUnreadable, match="job-1"):
        scheduler.get_job("job-1")


def test_arguments_that_cannot_be_unpickled_are_left_alone(
    scheduler: Scheduler, three: list[str], redis: redis_py.Redis
) -> None:
    redis.hset("rq:job:job-1", "data", b"no pickle")
    assert ids(scheduler.get_jobs()) == three


def test_reading_writes_nothing(scheduler: Scheduler, three: list[str], redis: redis_py.Redis) -> None:
    redis.delete("rq:job:job-2")

    def everything() -> dict[bytes, Any]:
        return {key: (redis.dump(key), redis.pttl(key)) for key in redis.scan_iter()}

    before = everything()
    assert scheduler.count() == 3
    assert scheduler.get_job("job-0") is not None
    assert len(list(scheduler.get_jobs(with_times=True))) == 2
    with freeze_time("2032-01-01"):
        assert len(list(scheduler.get_jobs_to_queue())) == 2
    assert everything() == before


def test_get_job(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    saved = scheduler.enqueue_at(FIRST, jobs.add, 1, meta={"a": 1})
    found = scheduler.get_job(saved.id)
    assert found is not None
    assert (found.id, found.args, found.meta) == (saved.id, (1,), {"a": 1})
    assert scheduler.get_job("unknown") is None
    redis.config_resetstat()
    scheduler.get_job(saved.id)
    assert sum(stat["calls"] for name, stat in redis.info("commandstats").items() if "evalsha" in name) == 1


def test_get_jobs_to_queue_goes_by_pythons_clock(scheduler: Scheduler, three: list[str]) -> None:
    with freeze_time(FIRST - timedelta(microseconds=1)):
        assert ids(scheduler.get_jobs_to_queue()) == []
    with freeze_time(SECOND):
        assert ids(scheduler.get_jobs_to_queue()) == three[:2]
        assert [when for _, when in scheduler.get_jobs_to_queue(with_times=True)] == [FIRST, SECOND]
