"""Tasks of Django's, with django-tasks-rq: deferred ones are served by way of RQ's registry, recurring ones are ours.
Its own worker runs both."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.contrib.django import get_scheduler, register
from rq_scheduler.contrib.django.declared import look
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.errors import FunctionRefused, InvalidArgument, InvalidType
from support import Processes, wait_until

RECURRING = "django_shop.orders.recurring"

Task = Any


@pytest.fixture
def scheduler(site: Any) -> Scheduler:
    return get_scheduler()


@pytest.fixture
def tasks(site: Any) -> Any:
    from django_shop.orders import recurring

    return recurring


@pytest.fixture
def work(processes: Processes, env: dict[str, str], redis: redis_py.Redis) -> Callable[..., None]:
    """Their own worker, on what is queued."""

    def run(*queues: str) -> None:
        job_class = ("--job-class", "django_tasks_rq.Job")
        processes.run(sys.executable, "-m", "django", "rqworker", "--burst", *job_class, *queues, env=env)

    return run


def pushed(redis: redis_py.Redis, key: str) -> list[str]:
    return [value.decode() for value in redis.lrange(f"test:{key}", 0, -1)]


def test_run_after_is_served_already(
    tasks: Any, redis: redis_py.Redis, running: Callable[..., Dispatcher], work: Callable[..., None]
) -> None:
    result = tasks.count.using(run_after=datetime.now(UTC) + timedelta(seconds=1)).enqueue("monday")
    assert redis.zcard("rq:scheduled:low") == 1
    running()
    wait_until(lambda: redis.llen("rq:queue:low") == 1)
    work("low")
    assert pushed(redis, "counted") == ["monday"]
    assert tasks.count.get_result(result.id).return_value == "counted monday"


def test_a_recurring_task_run_by_its_own_worker(
    tasks: Any,
    scheduler: Scheduler,
    redis: redis_py.Redis,
    running: Callable[..., Dispatcher],
    work: Callable[..., None],
) -> None:
    schedules = scheduler.schedules
    running()
    schedules.put("count", Every("1h"), tasks.count, args=("monday",))
    schedules.put("attempt", Every("1h"), tasks.attempt, kwargs={"number": 7}, queue_name="low")
    schedules.put("fail", Every("1h"), tasks.fail, queue_name="low")
    ids = {id: schedules.run_now(id).id for id in ("count", "attempt", "fail")}
    work("low")
    assert (pushed(redis, "counted"), pushed(redis, "attempts")) == (["monday"], ["7"])
    count = tasks.count.get_result(ids["count"])
    assert (str(count.status), count.return_value, count.args) == ("SUCCESSFUL", "counted monday", ["monday"])
    assert tasks.attempt.get_result(ids["attempt"]).return_value == 1
    failed = tasks.fail.get_result(ids["fail"])
    assert (str(failed.status), failed.errors[0].exception_class_path) == ("FAILED", "builtins.ValueError")
    wait_until(lambda: schedules["fail"].failed_in_a_row == 1)
    wait_until(lambda: schedules["count"].succeeded == 1)


@pytest.mark.parametrize("how", ["put", "Schedule", "name", "register", "file"])
def test_wherever_a_function_is_accepted(how: str, tasks: Any, site: Any, scheduler: Scheduler, tmp_path: Any) -> None:
    schedules = scheduler.schedules
    if how == "put":
        schedules.put("count", Every("1h"), tasks.count, args=("monday",))
    elif how == "Schedule":
        schedules.sync([Schedule("count", Every("1h"), tasks.count, args=("monday",))], "shop")
    elif how == "name":
        schedules.put("count", Every("1h"), f"{RECURRING}.count", args=("monday",))
    elif how == "register":
        register("count", Every("1h"), args=("monday",))(tasks.count)
        site.RQ_SCHEDULES = {}
        declared = [each.schedule for each in look().declarations if each.schedule.id == "count"]
        schedules.sync(declared, "shop")
    else:
        file = tmp_path / "schedules.toml"
        file.write_text(f'[schedules.count]\nfunc = "{RECURRING}.count"\nevery = "1h"\nargs = ["monday"]\n')
        schedules.sync(file, "shop")
    stored = schedules["count"]
    assert (stored.func, stored.queue_name) == (f"{RECURRING}.count", "low")
    definition = stored.definition
    assert definition.meta == {"backend_name": "default"}
    assert schedules.put(definition).version == 1


def test_a_task_of_another_backend_is_enqueued_there(
    tasks: Any, scheduler: Scheduler, redis: redis_py.Redis, work: Callable[..., None], processes: Processes, env: Any
) -> None:
    scheduler.schedules.put("at-once", Every("1h"), tasks.at_once, args=("monday",))
    assert scheduler.schedules["at-once"].func == f"{RECURRING}.at_once.enqueue"
    scheduler.schedules.run_now("at-once")
    processes.run(sys.executable, "-m", "django", "rqworker", "--burst", "default", env=env)
    assert pushed(redis, "at-once") == ["monday"]


def test_mistakes_are_found_at_the_call(tasks: Any, scheduler: Scheduler) -> None:
    put = scheduler.schedules.put
    with pytest.raises(FunctionRefused, match="missing a required argument: 'day'"):
        put("count", Every("1h"), tasks.count)
    with pytest.raises(FunctionRefused, match="unexpected keyword argument 'context'"):
        put("attempt", Every("1h"), tasks.attempt, kwargs={"context": 1, "nuber": 2})
    with pytest.raises(InvalidType, match=r"is a Task of Django's.*put a schedule of it"):
        scheduler.enqueue_in(timedelta(1), tasks.count)
    scheduler.schedules.register("count", Every("1h"))(tasks.count)
    with pytest.raises(InvalidArgument, match=f"for {RECURRING}.count and {RECURRING}.fail"):
        scheduler.schedules.register("count", Every("1h"))(tasks.fail)


def test_a_function_beside_it_stays_one(tasks: Any, scheduler: Scheduler) -> None:
    scheduler.schedules.put("plain", Every("1h"), tasks.plain)
    assert scheduler.schedules["plain"].definition.meta is None
