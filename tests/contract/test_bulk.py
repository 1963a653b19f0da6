"""`enqueue_many`: bulk one-offs (beyond 0.14)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from freezegun import freeze_time
from rq import Queue, Retry
from rq.job import Job
from rq.repeat import Repeat

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.errors import InvalidArgument, InvalidType

WHEN = datetime(2031, 1, 1)


def test_the_forms_of_an_item(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    with freeze_time(WHEN):
        ids = scheduler.enqueue_many(
            [
                (WHEN, jobs.nothing),
                (WHEN.replace(tzinfo=UTC) + timedelta(seconds=1), jobs.add, (1,)),
                [timedelta(seconds=2), jobs.add, [1], {"b": 2}],
                (timedelta(seconds=3), Queue.prepare_data(jobs.add, args=(3,), kwargs={"b": 4})),
                (timedelta(seconds=4), "jobs_for_tests.nothing"),
            ]
        )
    found = list(scheduler.get_jobs(with_times=True))
    assert [job.id for job, _ in found] == ids
    assert [when for _, when in found] == [WHEN + timedelta(seconds=n) for n in range(5)]
    assert [(list(job.args), job.kwargs) for job, _ in found] == [
        ([], {}),
        ([1], {}),
        ([1], {"b": 2}),
        ([3], {"b": 4}),
        ([], {}),
    ]


def test_options_hold_for_all(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    meta = {"who": "me"}
    ids = scheduler.enqueue_many(
        [(WHEN, jobs.nothing), (WHEN, jobs.nothing)],
        timeout=5,
        job_ttl=6,
        job_result_ttl=7,
        job_description="words",
        meta=meta,
        queue_name="q",
        on_success=jobs.on_success,
        on_failure=jobs.on_failure,
        on_stopped=jobs.on_stopped,
        at_front=True,
        failure_ttl=8,
        retry=Retry(max=2),
    )
    for job in Job.fetch_many(ids, connection=redis):
        assert job is not None
        assert (job.timeout, job.ttl, job.result_ttl, job.failure_ttl) == (5, 6, 7, 8)
        assert (job.description, job.meta, job.origin, job.retries_left) == ("words", meta, "q", 2)
        assert job.enqueue_at_front is True
        assert job.success_callback == jobs.on_success


def test_what_prepare_data_was_given_comes_first(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    data = Queue.prepare_data(
        jobs.nothing,
        timeout=1,
        result_ttl=2,
        ttl=3,
        failure_ttl=4,
        description="own",
        job_id="own-id",
        at_front=True,
        meta={"own": 1},
        retry=Retry(max=1),
        repeat=Repeat(times=2, interval=9),
        on_success=jobs.on_success,
    )
    (id_,) = scheduler.enqueue_many([(WHEN, data)], timeout=50, meta={"all": 1}, queue_name="q")
    assert id_ == "own-id"
    job = Job.fetch("own-id", connection=redis)
    assert (job.timeout, job.result_ttl, job.ttl, job.failure_ttl) == (1, 2, 3, 4)
    assert (job.description, job.meta, job.origin, job.enqueue_at_front) == ("own", {"own": 1}, "q", True)
    assert (job.retries_left, job.repeats_left, job.repeat_intervals) == (1, 2, [9])
    assert job.success_callback == jobs.on_success


def test_many_come_in_chunks(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    given: list[int] = []

    def items() -> Iterator[Any]:
        for n in range(1201):
            # What was given before is saved by then, but for one chunk: the generator is never drained ahead.
            given.append(len(given) - redis.zcard("rq:scheduler:scheduled_jobs"))
            yield (WHEN + timedelta(seconds=n), jobs.add, (n,))

    ids = scheduler.enqueue_many(items())
    assert max(given) <= 250
    assert len(set(ids)) == len(ids) == scheduler.count() == 1201
    assert [job.id for job in scheduler.get_jobs()] == ids


def test_large_jobs_make_small_chunks(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    import random

    saved: list[int] = []

    def items() -> Iterator[Any]:
        for _ in range(8):
            saved.append(redis.zcard("rq:scheduler:scheduled_jobs"))
            yield (WHEN, jobs.echo, (random.randbytes(400_000),))

    scheduler.enqueue_many(items())
    assert saved == [0, 0, 0, 2, 2, 4, 4, 6]
    assert scheduler.count() == 8


def test_a_mistake_names_its_item_and_leaves_its_chunk_unwritten(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    items: list[Any] = [(WHEN, jobs.nothing) for _ in range(700)]
    items[600] = (WHEN, lambda: None)
    with pytest.raises(InvalidArgument, match=r"item 600 .*lambda.*500 items before"):
        scheduler.enqueue_many(items)
    assert scheduler.count() == 500
    redis.flushall()
    with pytest.raises(InvalidArgument, match=r"item 3 .*nothing is saved"):
        scheduler.enqueue_many([*items[:3], (WHEN, lambda: None)])
    assert redis.keys() == []


@pytest.mark.parametrize(
    "item",
    [
        None,
        "ab",
        (WHEN,),
        (WHEN, jobs.nothing, (), {}, 5),
        ("2031", jobs.nothing),
        (1_924_992_000, jobs.nothing),
        Queue.prepare_data(jobs.nothing),
        (WHEN, Queue.prepare_data(jobs.nothing), (1,)),
        (WHEN, jobs.nothing, "args"),
        (WHEN, jobs.nothing, (), "kwargs"),
        (WHEN, 5),
    ],
)
def test_what_is_no_item(scheduler: Scheduler, redis: redis_py.Redis, item: Any) -> None:
    with pytest.raises(InvalidType, match="item 1 of enqueue_many"):
        scheduler.enqueue_many([(WHEN, jobs.nothing), item])
    assert redis.keys() == []


@pytest.mark.parametrize("name", ["job_id", "result_ttl", "start", "repeat"])
def test_unknown_options(scheduler: Scheduler, redis: redis_py.Redis, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        scheduler.enqueue_many([(WHEN, jobs.nothing)], **{name: 5})
    assert redis.keys() == []


def test_an_id_given_twice(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    data = Queue.prepare_data(jobs.nothing, job_id="same")
    with pytest.raises(InvalidArgument, match="same"):
        scheduler.enqueue_many([(WHEN, data), (WHEN, data)])
    assert redis.keys() == []


def test_none_is_fine(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    assert scheduler.enqueue_many([]) == []
    assert redis.keys() == []
