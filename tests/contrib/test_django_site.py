"""A site from its declarations to what is seen of them: checked and synced as CI and a deployment do, run by a real
dispatcher and django-rq's worker, failed and explained; moved from 0.14's calls, and rolled back."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis as redis_py

from rq_scheduler import Scheduler
from rq_scheduler.guarded_process import GuardedProcess
from support import Processes, wait_until

Manage = Callable[..., str]


def worker(processes: Processes, env: dict[str, str], *args: str) -> None:
    processes.run(sys.executable, "-m", "django", "rqworker", "--burst", *args, env=env)


def test_declared_checked_synced_run_and_explained(
    manage_py: Manage,
    manage: Manage,
    dispatcher: GuardedProcess,
    processes: Processes,
    env: dict[str, str],
    redis: redis_py.Redis,
) -> None:
    assert "4 added" in manage("rqschedules", "sync", "--dry-run", "--strict")
    assert Scheduler(connection=redis).schedules.find() == []
    manage_py("rqschedules", "sync")
    manage_py("check", "--tag", "rq", "--fail-level", "WARNING")
    schedules = Scheduler(connection=redis).schedules
    wait_until(lambda: redis.llen("rq:queue:default") >= 2, message=dispatcher.output)
    manage("rqschedules", "run-now", "invoice")
    worker(processes, env, "default", "low")
    assert redis.llen("test:shipped") >= 1
    assert redis.llen("test:reminded") >= 1
    wait_until(lambda: schedules["invoice"].failed_in_a_row == 1, message=dispatcher.output)
    assert "no such order: 4711" in manage("rqschedules", "runs", "invoice")
    (run,) = schedules.runs("invoice")
    assert "no such order: 4711" in manage("rqschedules", "why", str(run.job_id))
    said = manage("rqschedules", "pause", "ship", "--note", "stock taking")
    assert said.endswith("resume it with: manage.py rqschedules resume ship\n")
    assert schedules["ship"].note == "stock taking"
    assert "Europe/Berlin" in manage("rqschedules", "show", "close-books")
    assert dispatcher.terminate() == 0


@pytest.mark.once
def test_a_dispatcher_without_redis_waits_for_it(processes: Processes, env: dict[str, str]) -> None:
    nowhere = {**env, "RQS_TEST_REDIS_URL": "redis://127.0.0.1:1/0"}
    waiting = processes.start(sys.executable, "-m", "django", "rqdispatcher", env=nowhere, log="waiting.log")
    wait_until(lambda: "Redis" in waiting.output() and "refused" in waiting.output(), message=waiting.output)
    assert waiting.running
    assert waiting.terminate() == 0


BEFORE = """
import django
django.setup()
import django_rq
from datetime import datetime, timedelta

scheduler = django_rq.get_scheduler("default")
for job in scheduler.get_jobs():
    job.delete()
scheduler.cron("0 9 * * *", func="django_shop.orders.tasks.ship", id="nine")
scheduler.schedule(datetime.utcnow(), func="django_shop.orders.tasks.ship", interval=3600, repeat=3, id="hourly")
scheduler.enqueue_at(datetime.utcnow() - timedelta(seconds=1), "django_shop.orders.tasks.ship", job_id="once")
print(scheduler.count())
"""
"""As a site of 0.14 has it in an AppConfig, unchanged."""


@pytest.mark.newest_only
def test_a_site_of_0_14_moves_over_and_back(
    peer_python: Path,
    processes: Processes,
    env: dict[str, str],
    manage_py: Manage,
    manage: Manage,
    redis: redis_py.Redis,
) -> None:
    theirs = {**env, "DJANGO_SETTINGS_MODULE": "integration.django_site"}
    assert processes.run(str(peer_python), "-W", "ignore", "-c", BEFORE, env=theirs).strip().endswith("3")
    assert processes.run(sys.executable, "-W", "ignore", "-c", BEFORE, env=env).strip().endswith("3")
    manage_py("rqdispatcher", "--burst")
    worker(processes, env, "default")
    assert redis.llen("test:shipped") == 2
    assert "Europe/Berlin" in manage("rqschedules", "show", "nine")
    manage_py("rqschedules", "sync")
    assert processes.run(str(peer_python), "-W", "ignore", "-c", BEFORE, env=theirs).strip().endswith("3")
    ours = [key for key in redis.scan_iter("rq:scheduler:*") if key != Scheduler.scheduled_jobs_key.encode()]
    redis.delete(*ours)
    processes.run(str(peer_python.parent / "rqscheduler"), "--url", env["RQS_TEST_REDIS_URL"], "--burst", env=theirs)
    worker(processes, env, "default")
    assert redis.llen("test:shipped") == 4
