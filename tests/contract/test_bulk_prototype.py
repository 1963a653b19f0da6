"""`enqueue_many` lets RQ build the first job of each function; the others must be what RQ would have built."""

import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
import redis as redis_py
from rq import Callback, Retry
from rq.job import Job
from rq.serializers import JSONSerializer

import jobs_for_tests
from rq_scheduler import Scheduler
from rq_scheduler.errors import InvalidArgument, InvalidType

WHEN = datetime.now(UTC) + timedelta(days=1)
DIFFERS = {b"created_at"}


def built_by_rq(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many jobs RQ's `Job.create` has built since."""
    built: list[Any] = []
    create: Any = Job.create.__func__

    def counting(cls: type[Job], *args: Any, **kwargs: Any) -> Job:
        built.append(args)
        return create(cls, *args, **kwargs)

    monkeypatch.setattr(Job, "create", classmethod(counting))
    return lambda: len(built)


def stored(redis: redis_py.Redis, id: str) -> dict[bytes, bytes]:
    fields: Any = redis.hgetall(f"rq:job:{id}")
    datetime.strptime(fields[b"created_at"].decode(), "%Y-%m-%dT%H:%M:%S.%fZ")
    fields[b"data"] = zlib.decompress(fields[b"data"])
    return {name: value for name, value in fields.items() if name not in DIFFERS}


CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (jobs_for_tests.nothing, (), {}),
    (jobs_for_tests.nothing, (1, "two", None), {}),
    (jobs_for_tests.nothing, (["a" * 200],), {"name": "x" * 200}),
    (jobs_for_tests.nothing, ("ümläut",), {}),
    ("somewhere.else.entirely", (), {}),
]
NOT_JSON: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (jobs_for_tests.nothing, (b"bytes",), {"dict": {"a": (1, 2)}}),
    ("somewhere.else.entirely", (1,), {"when": WHEN}),
]
OPTIONS: list[Mapping[str, Any]] = [
    {},
    {"timeout": "1h", "job_result_ttl": 0, "job_ttl": 60, "failure_ttl": 7},
    {"queue_name": "other", "at_front": True},
    {"job_description": "what it says"},
    {"job_description": "wäs it says"},
    {"meta": {"a": [1, 2]}},
    {"retry": Retry(max=3, interval=[1, 2, 3])},
    {"on_success": Callback("jobs_for_tests.nothing", timeout=5)},
    {"depends_on": "another-job"},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("serializer", [None, JSONSerializer])
def test_the_others_are_what_rq_would_have_built(
    redis: redis_py.Redis, options: Mapping[str, Any], serializer: Any
) -> None:
    calls = CALLS + (NOT_JSON if serializer is None else [])
    scheduler = Scheduler(connection=redis, serializer=serializer)
    ids = scheduler.enqueue_many(
        [(WHEN, func, args, kwargs) for func, args, kwargs in calls for _ in range(2)], **options
    )
    for id, (func, args, kwargs) in zip(ids[1::2], calls, strict=True):
        alone = scheduler.enqueue_many([(WHEN, func, args, kwargs)], **options)
        assert stored(redis, id) == stored(redis, alone[0])
        job = scheduler.get_job(id)
        assert job is not None
        assert (list(job.args), job.kwargs) == (list(args), kwargs)
    assert len(set(ids)) == len(ids)


def test_rq_builds_one_of_each_function(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    built = built_by_rq(monkeypatch)
    Scheduler(connection=redis).enqueue_many((WHEN, (jobs_for_tests.nothing, "a.b")[n % 2], [n]) for n in range(600))
    assert built() == 2
    assert redis.zcard("rq:scheduler:scheduled_jobs") == 600


@pytest.mark.parametrize("which", ["a method", "text that is no ASCII"])
def test_what_is_not_plain_is_built_by_rq_each_time(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    # (Made here: some test loads that module anew.)
    method = (WHEN, jobs_for_tests.Greeter("hi").greet, [1])
    item = method if which == "a method" else (WHEN, "somewhere.else", ["ümläut"])
    built = built_by_rq(monkeypatch)
    Scheduler(connection=redis).enqueue_many([item] * 3)
    assert built() == 3


def test_an_override_of_the_job_creator_is_asked_each_time(redis: redis_py.Redis) -> None:
    asked: list[Any] = []

    class Own(Scheduler):
        def _create_job(self, *args: Any, **kwargs: Any) -> Job:
            asked.append(args)
            return super()._create_job(*args, **kwargs)

    Own(connection=redis).enqueue_many([(WHEN, jobs_for_tests.nothing)] * 3)
    assert len(asked) == 3


def test_and_so_is_one_that_a_test_puts_on_the_object(redis: redis_py.Redis) -> None:
    scheduler = Scheduler(connection=redis)
    with mock.patch.object(scheduler, "_create_job", wraps=scheduler._create_job) as create:
        scheduler.enqueue_many([(WHEN, jobs_for_tests.nothing)] * 3)
    assert create.call_count == 3


@pytest.mark.parametrize("options", [{}, {"job_description": "what it does"}])
@pytest.mark.parametrize(
    ("args", "kwargs", "error"),
    [
        ([lambda: 1], {}, InvalidArgument),
        ("abc", {}, InvalidType),
        ([], [1], InvalidType),
        ([], {1: 2}, InvalidType),
    ],
)
def test_a_mistake_is_told_as_that_of_the_first(
    redis: redis_py.Redis, args: Any, kwargs: Any, error: type[Exception], options: dict[str, Any]
) -> None:
    scheduler, bad = Scheduler(connection=redis), (WHEN, jobs_for_tests.nothing, args, kwargs)
    with pytest.raises(error, match="item 0 of enqueue_many") as first:
        scheduler.enqueue_many([bad], **options)
    with pytest.raises(error, match="item 1 of enqueue_many") as second:
        scheduler.enqueue_many([(WHEN, jobs_for_tests.nothing), bad], **options)
    assert str(first.value).replace("item 0", "item 1") == str(second.value)
    assert redis.keys() == []
