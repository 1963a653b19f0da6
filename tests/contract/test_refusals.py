"""Bad input: an error of ours that is also Python's, which names the argument, the value and the remedy; and nothing
is written."""

import functools
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

import jobs_for_tests as jobs
from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.errors import FunctionRefused, IdTaken, InvalidArgument, InvalidType, SchedulerError, SchedulerWarning

WHEN = datetime(2031, 1, 1)
LOCK = threading.Lock()


def outer() -> Callable[[], None]:
    def nested() -> None: ...

    return nested


def hidden() -> None: ...


HIDDEN = hidden
del hidden


class Refusing:
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise RuntimeError("not me")

    def method(self) -> None: ...


@pytest.fixture(autouse=True)
def _nothing_is_written(redis: redis_py.Redis) -> Any:
    yield
    assert redis.keys() == []


@pytest.mark.parametrize(
    ("func", "says"),
    [
        (lambda: None, "lambda"),
        (outer(), "inside another function"),
        (HIDDEN, "cannot be imported"),
        ([].append, "cannot be imported"),
        (Refusing().method, "not me"),
        (functools.partial(lambda: None), "pickle"),
    ],
)
def test_functions_that_cannot_reach_a_worker(scheduler: Scheduler, func: Any, says: str) -> None:
    for call in (
        lambda: scheduler.enqueue_at(WHEN, func),
        lambda: scheduler.enqueue_in(timedelta(0), func),
        lambda: scheduler.schedule(WHEN, func, interval=5),
        lambda: scheduler.cron("* * * * *", func),
        lambda: scheduler.enqueue_many([(WHEN, func)]),
        lambda: scheduler._create_job(func),
    ):
        with pytest.raises(FunctionRefused, match=says) as told:
            call()
        assert isinstance(told.value, ValueError)
        assert isinstance(told.value, TypeError)


def test_a_name_without_a_module_is_refused_unless_it_is_a_builtin(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    for call in (
        lambda: scheduler.enqueue_at(WHEN, "shop"),
        lambda: scheduler.enqueue_in(timedelta(0), "shop:send"),
        lambda: scheduler.schedule(WHEN, "shop", interval=5),
        lambda: scheduler.cron("* * * * *", "shop", timezone="UTC"),
        lambda: scheduler.enqueue_many([(WHEN, "shop")]),
        lambda: scheduler._create_job("shop"),
        lambda: scheduler.schedules.put("x", Every("10m"), "shop"),
        lambda: scheduler.schedules.sync([Schedule("x", Every("10m"), "shop")], "me"),
    ):
        with pytest.raises(FunctionRefused, match=r"func='shop.*' names no module.*'package.module.function'"):
            call()
    with pytest.raises(FunctionRefused, match="on_success='told' names no module"):
        scheduler.enqueue_at(WHEN, jobs.nothing, on_success="told")
    assert redis.keys() == []
    assert scheduler.enqueue_at(WHEN, "print").func is print, "RQ finds builtins"
    redis.flushall()


@pytest.mark.parametrize(
    "func", ["shop.tasks.send()", ".shop.send", "shop..send", "shop/tasks.py", "shop.send ", "shop.tasks:send", "shop."]
)
def test_what_no_module_can_have_is_refused(scheduler: Scheduler, redis: redis_py.Redis, func: str) -> None:
    with pytest.raises(FunctionRefused, match=r"is no dotted name.*as in 'package.module.function'"):
        scheduler.enqueue_at(WHEN, func)
    with pytest.raises(FunctionRefused, match=r"on_success=.*is no dotted name"):
        scheduler.enqueue_at(WHEN, jobs.nothing, on_success=func)
    with pytest.raises(FunctionRefused, match="is no dotted name"):
        scheduler.schedules.put("x", Every("10m"), func)
    assert redis.keys() == []
    scheduler.enqueue_at(WHEN, "my-shop.tasks.send")
    redis.flushall()


@pytest.mark.parametrize("func", [None, 5, b"bytes", datetime, ""])
def test_what_is_no_function(scheduler: Scheduler, func: Any) -> None:
    with pytest.raises(SchedulerError, match="func="):
        scheduler.enqueue_at(WHEN, func)


def test_arguments_that_cannot_be_pickled_are_named(scheduler: Scheduler) -> None:
    with pytest.raises(ValueError, match=r"argument 1 \(<unlocked"):
        scheduler.enqueue_at(WHEN, jobs.echo, 0, LOCK)
    with pytest.raises(ValueError, match="argument x=<unlocked"):
        scheduler.enqueue_at(WHEN, jobs.echo, 0, x=LOCK)
    with pytest.raises(ValueError, match="meta="):
        scheduler.enqueue_at(WHEN, jobs.echo, meta={"x": LOCK})


@pytest.mark.parametrize("when", ["2031-01-01", None, 5, date(2031, 1, 1), timedelta(1)])
def test_times_that_are_no_datetime(scheduler: Scheduler, when: Any) -> None:
    with pytest.raises(TypeError, match="scheduled_time="):
        scheduler.enqueue_at(when, jobs.nothing)
    with pytest.raises(TypeError, match="scheduled_time="):
        scheduler.schedule(when, jobs.nothing)
    with pytest.raises(TypeError, match="date_time="):
        scheduler.change_execution_time("x", when)


@pytest.mark.parametrize("delta", [5, None, WHEN, "10m"])
def test_deltas_that_are_no_timedelta(scheduler: Scheduler, delta: Any) -> None:
    with pytest.raises(TypeError, match="time_delta="):
        scheduler.enqueue_in(delta, jobs.nothing)


def test_past_the_year_9999(scheduler: Scheduler) -> None:
    with pytest.raises(ValueError, match="9999"):
        scheduler.enqueue_in(timedelta.max, jobs.nothing)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"meta": "text"}, InvalidType, "meta='text'"),
        ({"meta": []}, InvalidType, "meta="),
        ({"job_id": "a:b"}, InvalidArgument, "a:b"),
        ({"job_id": ""}, InvalidArgument, "job id"),
        ({"job_id": 5}, InvalidType, "job id 5"),
        ({"timeout": "soon"}, InvalidArgument, "timeout='soon'"),
        ({"timeout": float("nan")}, InvalidArgument, "timeout=nan"),
        ({"timeout": []}, InvalidType, "timeout="),
        ({"job_ttl": "1y"}, InvalidArgument, "ttl='1y'"),
        ({"job_result_ttl": True}, InvalidType, "result_ttl=True"),
        ({"failure_ttl": "x"}, InvalidArgument, "failure_ttl='x'"),
        ({"job_description": 5}, InvalidType, "description=5"),
        ({"queue_name": 5}, InvalidType, "queue_name=5"),
        ({"on_success": 5}, InvalidArgument, "on_success=5"),
        ({"on_failure": lambda: None}, FunctionRefused, "on_failure="),
        ({"on_stopped": outer()}, FunctionRefused, "on_stopped="),
        ({"depends_on": 5}, SchedulerError, "depends_on=5"),
    ],
)
def test_options(scheduler: Scheduler, options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as told:
        scheduler.enqueue_at(WHEN, jobs.nothing, **options)
    assert isinstance(told.value, ValueError | TypeError)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"interval": 0}, "interval=0"),
        ({"interval": -4}, "interval=-4"),
        ({"interval": float("nan")}, "interval=nan"),
        ({"interval": float("inf")}, "interval=inf"),
        ({"interval": 0.0001}, "interval=0.0001"),
        ({"interval": 1e12}, "interval="),
        ({"interval": "soon"}, "interval='soon'"),
        ({"interval": True}, "interval=True"),
        ({"interval": []}, "interval="),
        ({"repeat": 3}, "repeat=3"),
        ({"interval": 5, "repeat": 2.5}, "repeat=2.5"),
        ({"interval": 5, "repeat": "x"}, "repeat='x'"),
        ({"interval": 5, "retry": 3}, r"retry=3.*Retry\(max=3\)"),
        ({"interval": 5, "overlap": "allow"}, "overlap='allow'"),
        ({"interval": 5, "overlap": "never"}, "overlap='never'"),
        ({"interval": 5, "catchup": "some"}, "catchup='some'"),
        ({"interval": 5, "catchup_window": 0}, "catchup_window=0"),
        ({"interval": 5, "jitter": -1}, "jitter=-1"),
        ({"jitter": 1}, "interval="),
        ({"interval": 5, "args": "text"}, "args='text'"),
        ({"interval": 5, "args": 5}, r"args=\(5,\)"),
        ({"interval": 5, "kwargs": [1]}, r"kwargs=\[1\]"),
        ({"interval": 5, "kwargs": {1: 2}}, "kwargs="),
        ({"id": "no spaces: please"}, "no spaces"),
    ],
)
def test_schedule(scheduler: Scheduler, options: dict[str, Any], says: str) -> None:
    with pytest.raises(SchedulerError, match=says) as told:
        scheduler.schedule(WHEN, jobs.nothing, **options)
    assert isinstance(told.value, ValueError | TypeError)


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (5, {}, "cron_string=5"),
        ("61 * * * *", {}, "61"),
        ("0 30 2 * * *", {}, r"^cron '0 30 2 \* \* \*': hour field: 30 .* write '0 30 2 \* \* \* \*' if the first"),
        ("* * * * *", {"timezone": "Europe/Pariss"}, "Europe/Paris"),
        ("* * * * *", {"overlap": "replace"}, "overlap='replace'"),
        ("* * * * *", {"repeat": "x"}, "repeat='x'"),
    ],
)
def test_cron(scheduler: Scheduler, text: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(SchedulerError, match=says) as told:
        scheduler.cron(text, jobs.nothing, **options)
    assert isinstance(told.value, ValueError | TypeError)


@pytest.mark.parametrize("until", ["tomorrow", True, float("nan")])
def test_until(scheduler: Scheduler, until: Any) -> None:
    for read in (scheduler.count, scheduler.get_jobs):
        with pytest.raises((ValueError, TypeError), match="until="):
            read(until)


def test_what_is_no_job(scheduler: Scheduler) -> None:
    for call in (scheduler.cancel, scheduler.__contains__, scheduler.get_job):
        with pytest.raises(TypeError, match="5"):
            call(5)  # type: ignore[arg-type]


def test_a_function_of_main_warns(scheduler: Scheduler, redis: redis_py.Redis, monkeypatch: Any) -> None:
    import __main__

    def script() -> None: ...

    script.__module__, script.__qualname__ = "__main__", "script"
    monkeypatch.setattr(__main__, "script", script, raising=False)
    with pytest.warns(SchedulerWarning, match="__main__"):
        scheduler.enqueue_at(WHEN, script)
    redis.flushall()


@pytest.mark.filterwarnings("error")
def test_a_lambda_of_main_is_refused_without_a_warning_first(scheduler: Scheduler) -> None:
    func: Any = lambda: None  # noqa: E731
    func.__module__ = "__main__"
    for call in (
        lambda: scheduler.enqueue_at(WHEN, func),
        lambda: scheduler.enqueue_in(timedelta(0), func),
        lambda: scheduler.schedule(WHEN, func, interval=5),
        lambda: scheduler.cron("* * * * *", func, timezone="UTC"),
        lambda: scheduler.enqueue_many([(WHEN, func)]),
        lambda: scheduler.schedules.put("x", Every("10m"), func),
    ):
        with pytest.raises(FunctionRefused, match="is a lambda"):
            call()


def test_the_id_of_a_schedule(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    redis.hset("rq:scheduler:schedule:taken", "kind", "schedule")
    with pytest.raises(IdTaken, match="taken"):
        scheduler.enqueue_at(WHEN, jobs.nothing, job_id="taken")
    assert redis.keys() == [b"rq:scheduler:schedule:taken"]
    redis.flushall()


def test_redis_being_down_is_redis_pys_own_error() -> None:
    scheduler = Scheduler(connection=redis_py.Redis(port=1, retry=Retry(NoBackoff(), 0)))
    for call in (
        lambda: scheduler.enqueue_at(WHEN, jobs.nothing),
        lambda: scheduler.enqueue_many([(WHEN, jobs.nothing)]),
        lambda: scheduler.cron("* * * * *", jobs.nothing),
        scheduler.count,
        scheduler.enqueue_jobs,
    ):
        with pytest.raises(redis_py.exceptions.ConnectionError):
            call()
