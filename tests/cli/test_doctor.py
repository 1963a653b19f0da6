"""`rqscheduler doctor` against a real Redis."""

import json
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner

from making import snapshot
from rq_scheduler import AnyOf, Cron, Every, Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.store import Store

pytestmark = pytest.mark.once


def test_what_is_there_and_what_is_missing(redis: redis_py.Redis, redis_url: str) -> None:
    schedules = Scheduler(connection=redis).schedules
    schedules.put("well", Cron("0 9 * * *", "Europe/Paris"), "jobs_for_tests.nothing", queue_name="served")
    schedules.put("typo", AnyOf(Every("1h"), Cron("0 9 * * *")), "jobs_for_tests.nothign", queue_name="unserved")
    Store(redis).heartbeat("d1", {"host": "h", "version": "0.9", "heartbeat": 5.0}, 60, dispatcher=True)
    redis.sadd("rq:workers", "rq:worker:w")
    redis.hset("rq:worker:w", mapping={"queues": "served", "version": "2.0", "hostname": "h"})
    before = snapshot(redis)
    result = CliRunner().invoke(rqscheduler, ["doctor", "--url", redis_url, "--json"])
    assert result.exit_code == 1, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["healthy"] is False
    texts = {(check["about"], check["state"]): check["text"] for check in found["checks"]}
    assert "did you mean" in texts["functions", "note"].lower()
    assert "dispatcher d1 is" in texts["clocks", "wrong"]
    assert "other versions are alive: 0.9" in texts["dispatcher_versions", "note"]
    assert texts["worker_versions", "note"] == "workers run RQ 2.0"
    assert "'unserved'" in texts["workers", "note"]
    assert texts["workers", "ok"] == "workers by queue: served 1"
    assert texts["zones", "ok"]
    said = CliRunner().invoke(rqscheduler, ["doctor", "--url", redis_url])
    assert "1 thing is wrong." in said.stdout
    assert snapshot(redis) == before


def test_for_a_user_who_may_only_read(redis: redis_py.Redis, redis_url: str) -> None:
    Scheduler(connection=redis).enqueue_in(timedelta(hours=1), print)
    redis.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], reset_channels=True,
                      categories=["+@read", "+@connection", "+@pubsub"], commands=["+time"])  # fmt: skip
    try:
        url = redis_url.replace("redis://", "redis://reader:pw@")
        found = json.loads(CliRunner().invoke(rqscheduler, ["doctor", "--url", url, "--json"]).stdout)
    finally:
        redis.acl_deluser("reader")
    texts = {(check["about"], check["state"]): check["text"] for check in found["checks"]}
    assert "reader may not use EVAL, CONFIG GET, INFO" in texts["rights", "wrong"].replace("this user", "reader")
