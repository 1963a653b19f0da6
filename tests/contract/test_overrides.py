"""Row `_create_job`: the hook that subclasses override, django-rq's among them."""

import sys
from datetime import datetime, timedelta
from typing import Any

import redis as redis_py
from rq import Retry
from rq.job import Job, JobStatus

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from support import PATIENCE

WHEN = datetime(2031, 1, 1)


class Recording(Scheduler):
    """Records how `_create_job` is called."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def _create_job(self, *args: Any, **kwargs: Any) -> Job:
        self.calls.append((args, dict(kwargs)))
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = 42
        if kwargs.get("result_ttl") is None:
            kwargs["result_ttl"] = 43
        return super()._create_job(*args, **kwargs)


class Fixed(Scheduler):
    """An override with the signature that 0.14 has, and no other keyword."""

    def _create_job(  # type: ignore[override]
        self,
        func: Any,
        args: Any = None,
        kwargs: Any = None,
        commit: bool = True,
        result_ttl: Any = None,
        ttl: Any = None,
        id: Any = None,
        description: Any = None,
        queue_name: Any = None,
        timeout: Any = None,
        meta: Any = None,
        depends_on: Any = None,
        on_success: Any = None,
        on_failure: Any = None,
    ) -> Job:
        return super()._create_job(func, args, kwargs, commit, result_ttl, ttl, id, description, queue_name, 44)


def test_every_public_method_calls_it_with_keywords(redis: redis_py.Redis) -> None:
    scheduler = Recording(connection=redis)
    made = [
        scheduler.enqueue_at(WHEN, jobs.add, 1, queue_name="q"),
        scheduler.enqueue_in(timedelta(0), jobs.add, 1, queue_name="q"),
        scheduler.schedule(WHEN, jobs.add, [1], queue_name="q"),
        scheduler.cron("* * * * *", jobs.add, [1], queue_name="q", result_ttl=None),
    ]
    scheduler.enqueue_many([(WHEN, jobs.add, (1,))], queue_name="q")
    assert len(scheduler.calls) == 5
    classic = {
        *("args", "kwargs", "commit", "result_ttl", "ttl", "id", "description", "queue_name", "timeout", "meta"),
        *("depends_on", "on_success", "on_failure"),
    }
    for args, kwargs in scheduler.calls:
        assert args == (jobs.add,)
        assert set(kwargs) == classic
        assert kwargs["queue_name"] == "q"
        assert kwargs["commit"] is False
        assert kwargs["timeout"] is None
    for job in [*made, *scheduler.get_jobs()]:
        assert (job.timeout, job.result_ttl) == (42, 43)


def test_newer_options_are_passed_only_when_given(redis: redis_py.Redis) -> None:
    scheduler = Recording(connection=redis)
    retry = Retry(max=1)
    scheduler.enqueue_at(WHEN, jobs.nothing, retry=retry, failure_ttl=5, on_stopped=jobs.on_stopped)
    scheduler.cron("* * * * *", jobs.nothing, retry=retry)
    assert scheduler.calls[0][1]["retry"] is retry
    assert scheduler.calls[0][1]["failure_ttl"] == 5
    assert scheduler.calls[0][1]["on_stopped"] is jobs.on_stopped
    assert scheduler.calls[1][1]["retry"] is retry
    assert "failure_ttl" not in scheduler.calls[1][1]


def test_an_override_with_a_fixed_signature_keeps_working(redis: redis_py.Redis) -> None:
    scheduler = Fixed(connection=redis)
    for job in (
        scheduler.enqueue_at(WHEN, jobs.nothing),
        scheduler.schedule(WHEN, jobs.nothing, interval=5),
        scheduler.cron("* * * * *", jobs.nothing),
    ):
        assert job.timeout == 44
        assert job in scheduler


def test_create_job_saves_unless_told_not_to(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler._create_job(jobs.add, args=(1,), kwargs={"b": 2}, queue_name="q", id="made")
    stored = Job.fetch("made", connection=redis)
    assert stored.get_status() == JobStatus.SCHEDULED
    assert (stored.origin, stored.args, stored.kwargs) == ("q", (1,), {"b": 2})
    assert job not in scheduler
    unsaved = scheduler._create_job(jobs.nothing, commit=False)
    assert unsaved.origin == "default"
    assert unsaved.get_status(refresh=False) == JobStatus.SCHEDULED
    assert not redis.exists(unsaved.key)


DJANGO = """
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_rq"],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    RQ_QUEUES={{"default": {{"URL": {url!r}, "DEFAULT_TIMEOUT": 777}}, "other": {{"URL": {url!r}}}}},
    RQ={{"DEFAULT_RESULT_TTL": 555}},
)
django.setup()

import threading
from datetime import datetime, timedelta

import jobs_for_tests as jobs
from django_rq import get_scheduler
from django_rq.management.commands.rqscheduler import Command
from django_rq.queues import DjangoScheduler

scheduler = get_scheduler("default", interval=5)
assert type(scheduler) is DjangoScheduler, type(scheduler)
assert (scheduler.queue_name, scheduler._interval) == ("default", 5)
assert get_scheduler("other").queue_name == "other"
job = scheduler.enqueue_at(datetime(2031, 1, 1), jobs.nothing)
assert (job.timeout, job.result_ttl) == (777, 555), (job.timeout, job.result_ttl)
job = scheduler.enqueue_at(datetime(2031, 1, 1), jobs.nothing, timeout=5, job_result_ttl=6)
assert (job.timeout, job.result_ttl) == (5, 6), (job.timeout, job.result_ttl)
assert scheduler.cron("* * * * *", jobs.nothing).timeout == 777
recurring = scheduler.schedule(datetime(2031, 1, 1), jobs.nothing, interval=60)
assert (recurring.timeout, recurring.result_ttl) == (777, -1)
assert scheduler.enqueue_many([(datetime(2031, 1, 1), jobs.nothing)])
assert scheduler.count() == 5
assert len(list(scheduler.get_jobs(with_times=True, offset=0, length=100))) == 5
scheduler.enqueue_in(timedelta(0), jobs.push_id)
Command().run_from_argv(["manage.py", "rqscheduler", "--interval", "1"])
"""


def test_django_rq(redis: redis_py.Redis, redis_url: str, processes: Any, run_worker: Any) -> None:
    import signal

    from support import wait_until

    process = processes.start(sys.executable, "-c", DJANGO.format(url=redis_url))
    wait_until(lambda: redis.llen("rq:queue:default") == 1 or not process.running, message=process.output)
    assert process.running, process.output()
    run_worker("default")
    assert redis.llen("test:ran") == 1
    process.signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0, process.output()
