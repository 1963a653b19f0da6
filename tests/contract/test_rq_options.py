"""Options of RQ's in `enqueue_at` and `enqueue_in`: each that the installed RQ takes has an answer."""

import inspect
import re
import warnings
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
import rq
from rq import Queue, Repeat, Retry
from rq.job import Job

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.errors import InvalidType, SchedulerWarning

WHEN = datetime(2040, 1, 1)
RQ_CALLS = (Job.create, Queue.enqueue_at, Queue.enqueue_in, Queue.enqueue, Queue.enqueue_call, Queue.parse_args)
IS_OURS = {"func", "self"}
"""Python itself binds these: to the positional parameter of `enqueue_at`."""


def _rq_names() -> set[str]:
    """By signature; parse_args takes its own from **kwargs, and what is not left of those is one."""
    names = {
        each.name
        for call in RQ_CALLS
        for each in inspect.signature(call).parameters.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    }
    asked = {*names, *(f"job_{name}" for name in names)} - {"f", "args", "kwargs"}
    left: dict[str, Any] = next(
        each for each in reversed(Queue.parse_args("a.b", **dict.fromkeys(asked), kept=1)) if isinstance(each, dict)
    )
    return names | (asked - set(left)) - IS_OURS


def _words(scheduler: Scheduler, func: Any, **options: Any) -> tuple[Job, list[str]]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        job = scheduler.enqueue_at(WHEN, func, **options)
    return job, [str(each.message) for each in told if each.category is SchedulerWarning]


def declares(id: Any = None, unique: Any = None, repeat: Any = None, status: Any = None) -> None: ...


@pytest.mark.parametrize("name", sorted(_rq_names() - IS_OURS))
def test_every_option_of_rqs_has_an_answer(scheduler: Scheduler, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the job's option here too, or goes to the function with a warning that names the one that is, if any."""
    monkeypatch.setattr("rq_scheduler.warn._given", set())
    value: Any = {"timeout": 5, "failure_ttl": 5, "meta": {"a": 1}, "depends_on": "some", "at_front": True}.get(name)
    if name.startswith("on_"):
        value = jobs.on_success
    if name == "job_id":
        value = "an-id"
    taken = value is not None
    value = 5 if value is None else value
    job, told = _words(scheduler, jobs.echo, **{name: value})
    if taken:
        assert (job.kwargs, told) == ({}, [])
        return
    assert job.kwargs == {name: value}
    (warning,) = told
    assert f"{name}= goes to the function echo, which does not declare it" in warning
    if named := re.search(r"the option (?:is called )?(\w+)", warning):
        allowed = _words(scheduler, jobs.echo, **{named[1]: _good(named[1])})[0].kwargs
        assert allowed == {}, f"the option that {warning!r} names is none"
    else:
        assert re.search(r"there is no such option|pass .* after the function|pass .* as they are", warning)


def _good(option: str) -> Any:
    """A value that the option takes."""
    if option in ("timeout", "job_ttl", "job_result_ttl", "failure_ttl"):
        return 5
    special = {"meta": {}, "retry": Retry(max=1), "repeat": Repeat(times=1), "at_front": True}
    if hasattr(rq, "RateLimit"):
        special |= {"rate_limit": rq.RateLimit("k", 1), "webhooks": [rq.Webhook("http://localhost/", "finished")]}
    return special.get(option, "text")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("job_failure_ttl", "called failure_ttl"),
        ("job_timeout", "called timeout"),
        ("job_meta", "called meta"),
        ("job_depends_on", "called depends_on"),
        ("job_retry", "option retry takes an rq.Retry"),
        ("queue", "called queue_name"),
        ("id", "called job_id"),
        ("unique", "no such option: give a job_id"),
        ("repeat", "option repeat takes an rq.Repeat"),
        ("retry", "option retry takes an rq.Retry"),
    ],
)
def test_names_like_0_14s(scheduler: Scheduler, name: str, option: str) -> None:
    with pytest.warns(SchedulerWarning, match=option):
        assert scheduler.enqueue_in(timedelta(hours=1), jobs.echo, **{name: 3}).kwargs == {name: 3}


def test_a_function_that_declares_them(scheduler: Scheduler) -> None:
    given = {"id": 1, "unique": True, "repeat": 3, "status": "new"}
    assert _words(scheduler, declares, **given)[0].kwargs == given
    assert _words(scheduler, declares, **given)[1] == []


def test_objects_that_say_what_they_are(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    """Also to a function that has a parameter of that name."""
    job, told = _words(scheduler, declares, repeat=Repeat(times=3, interval=[1, 2]), retry=Retry(max=2))
    stored = Job.fetch(job.id, connection=redis)
    assert (stored.kwargs, told) == ({}, [])
    assert (stored.repeats_left, stored.repeat_intervals, stored.retries_left) == (3, [1, 2], 2)
    (many,) = scheduler.enqueue_many([(WHEN, jobs.nothing)], repeat=Repeat(times=3))
    assert Job.fetch(many, connection=redis).repeats_left == 3


@pytest.mark.newest_only
def test_rate_limits_and_webhooks(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    given = {"rate_limit": rq.RateLimit("mails", 2), "webhooks": [rq.Webhook("http://localhost/hook", "finished")]}
    (many,) = scheduler.enqueue_many([(WHEN, jobs.nothing)], **given)
    for id in (_words(scheduler, jobs.nothing, **given)[0].id, many):
        stored = Job.fetch(id, connection=redis)
        assert (stored.rate_limit_key, stored.rate_limit_concurrency) == ("mails", 2)
        assert [each.url for each in stored.webhooks] == ["http://localhost/hook"]
    job, told = _words(scheduler, jobs.echo, webhooks=["http://localhost/hook"])
    assert "takes a list of rq.Webhook objects" in told[0]
    assert job.kwargs == {"webhooks": ["http://localhost/hook"]}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("job_timeout", "called timeout"),
        ("unique", "no such option: give a job_id"),
        ("repeat", "give an rq.Repeat"),
        ("webhooks", "give a list of rq.Webhook"),
        ("tags", "it takes timeout, job_result_ttl"),
    ],
)
def test_of_many(scheduler: Scheduler, name: str, remedy: str) -> None:
    with pytest.raises(InvalidType, match=remedy):
        scheduler.enqueue_many([(WHEN, jobs.nothing)], **{name: 3})
    assert scheduler.count() == 0
