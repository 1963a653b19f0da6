"""Subclasses that name 0.14's keys otherwise, to keep deployments apart: refused, since they would merge."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import Every, Scheduler
from rq_scheduler.errors import InvalidArgument
from support import environment

NAMES = ("scheduler_key", "scheduler_lock_key", "scheduled_jobs_key", "redis_scheduler_namespace_prefix")


def each_call(scheduler: Scheduler) -> list[Callable[[], Any]]:
    """One of each kind."""
    return [
        lambda: scheduler.enqueue_in(timedelta(hours=1), jobs.nothing),
        lambda: scheduler.enqueue_many([(timedelta(hours=1), jobs.nothing)]),
        lambda: scheduler.cron("0 0 * * *", jobs.nothing),
        lambda: scheduler.schedules.put("s", Every(60), jobs.nothing),
        lambda: scheduler.count(),
        lambda: list(scheduler.get_jobs()),
        lambda: scheduler.enqueue_jobs(),
        lambda: scheduler.acquire_lock(),
        lambda: scheduler.register_birth(),
        lambda: list(scheduler.quarantine),
        lambda: list(scheduler.schedules),
        lambda: scheduler.run(burst=True),
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["class", "property", "late property"])
def test_a_subclass(redis: redis_py.Redis, name: str, how: str) -> None:
    value: Any = {
        "class": f"staging:{name}",
        "property": property(lambda self: f"staging:{name}"),
        "late property": property(lambda self: f"{self.site}:{name}"),  # which it is given after its construction
    }[how]
    staging = type("Staging", (Scheduler,), {name: value})
    with pytest.raises(
        InvalidArgument, match=f"{name}=.* of Staging: .*own database.*RQ_KEY_PREFIX.*rqscheduler check"
    ):
        staging(connection=redis)
    assert redis.keys() == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("on", ["instance", "class"])
def test_set_later(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, name: str, on: str) -> None:
    """Nothing is read or written under the old names."""
    scheduler = Scheduler(connection=redis)
    list(scheduler.schedules)  # made, and kept, before
    monkeypatch.setattr(scheduler if on == "instance" else Scheduler, name, "staging")
    for call in each_call(scheduler):
        with pytest.raises(InvalidArgument, match=f"{name}='staging'"):
            call()
    assert redis.keys() == []


def test_the_same_names_are_no_mistake(redis: redis_py.Redis) -> None:
    named = type("Named", (Scheduler,), {"scheduled_jobs_key": "rq:scheduler:scheduled_jobs"})
    assert named(connection=redis).count() == 0


@pytest.mark.newest_only
def test_the_names_under_a_key_prefix() -> None:
    """RQ 3's, which is the remedy: with it, its names are the right ones and 0.14's are not."""
    source = """
import json
from redis import Redis
from rq_scheduler import Scheduler
from rq_scheduler.errors import InvalidArgument
def accepts(**names):
    try:
        type("Named", (Scheduler,), names)(connection=Redis())
    except InvalidArgument:
        return False
    return True
print(json.dumps([accepts(), accepts(scheduled_jobs_key="shop:scheduler:scheduled_jobs"),
                  accepts(scheduled_jobs_key="rq:scheduler:scheduled_jobs")]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", source], env=environment({"RQ_KEY_PREFIX": "shop"}), capture_output=True, check=True,
        timeout=50,
    )  # fmt: skip
    assert json.loads(answer.stdout) == [True, True, False]
