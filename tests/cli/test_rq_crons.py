"""`check` and `status` notice an `rq cron` process that is alive."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py
import rq.cron
from click.testing import CliRunner

from making import snapshot
from rq_scheduler.cli.app import rqscheduler

REGISTRY = "rq:cron_schedulers"


@pytest.fixture
def living(redis: redis_py.Redis) -> Iterator[rq.cron.CronScheduler]:
    """Of the installed RQ."""
    scheduler = rq.cron.CronScheduler(connection=redis, name="tick")
    scheduler.config_file = "cron_config.py"
    scheduler.register_birth()
    yield scheduler
    redis.delete(REGISTRY, scheduler.key)


@pytest.fixture
def said(redis_url: str) -> Callable[[str], list[str]]:
    """`said("check")`: what it tells a person to look at."""

    def run(command: str) -> list[str]:
        found: Any = json.loads(CliRunner().invoke(rqscheduler, ["--url", redis_url, command, "--json"]).output)
        items = found["attention"] if command == "check" else [one["text"] for one in found["problems"]]
        return [item for item in items if "rq cron" in item]

    return run


@pytest.mark.parametrize("command", ["check", "status"])
class TestBoth:
    def test_it_is_named_and_what_to_do(
        self, living: rq.cron.CronScheduler, said: Callable[[str], list[str]], redis: redis_py.Redis, command: str
    ) -> None:
        before = snapshot(redis)
        (item,) = said(command)
        assert item == (
            f"rq cron is alive (tick on {living.hostname}, pid {living.pid}, cron_config.py) and enqueues the jobs of "
            "its file itself: stop it before rqscheduler sync takes that file, or each runs twice"
        )
        assert snapshot(redis) == before

    def test_one_that_has_ended_is_not(
        self, living: rq.cron.CronScheduler, said: Callable[[str], list[str]], redis: redis_py.Redis, command: str
    ) -> None:
        redis.zadd(REGISTRY, {"tick": time.time() - 121})
        assert said(command) == []
        redis.zadd(REGISTRY, {"tick": time.time()})
        living.register_death()
        assert said(command) == []

    @pytest.mark.parametrize("kind", ["gone", "of a wrong type"])
    def test_what_is_not_known_of_it_is_left_out(
        self,
        living: rq.cron.CronScheduler,
        said: Callable[[str], list[str]],
        redis: redis_py.Redis,
        command: str,
        kind: str,
    ) -> None:
        redis.delete(living.key)
        if kind != "gone":
            redis.set(living.key, "x")
        (item,) = said(command)
        assert item.startswith("rq cron is alive (tick) and")

    def test_a_registry_of_a_wrong_type_hides_nothing_else(
        self, living: rq.cron.CronScheduler, said: Callable[[str], list[str]], redis: redis_py.Redis, command: str
    ) -> None:
        redis.delete(REGISTRY)
        redis.set(REGISTRY, "x")
        assert said(command) == []
