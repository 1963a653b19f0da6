"""From a Schedule to the job that each of its runs is a copy of.

Owns what RQ is told about a schedule's job, and the checks that find a wrong call before anything is written. Knows
no key of Redis and sends no command.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import timedelta
from types import NoneType
from typing import Any, cast

import rq
from rq import Retry
from rq.job import Job
from rq.utils import import_attribute
from rq.version import VERSION as RQ_VERSION

from rq_scheduler.aside import aside
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.prototype import Prototypes, goes_by_name
from rq_scheduler.client.schedules.tasks import expand_task
from rq_scheduler.errors import FunctionRefused, InvalidArgument, InvalidType, kind_of
from rq_scheduler.functions import check_function, warn_about_function
from rq_scheduler.jobs import meta_of
from rq_scheduler.model import RetryFields, Schedule
from rq_scheduler.serialization import Duration
from rq_scheduler.signatures import surely_takes, surely_takes_any_keyword
from rq_scheduler.store.schedules import JobFields

__all__ = ["template_of"]

_DURATIONS = {"job_timeout": "timeout", "result_ttl": "result_ttl", "ttl": "ttl", "failure_ttl": "failure_ttl"}
"""Field of Schedule -> keyword of `_create_job`."""

_NOT_PLAIN = (
    *("description", "meta", "retry", "depends_on", "on_success", "on_failure", "on_stopped"),
    *("webhooks", "rate_limit"),
)
"""Fields of Schedule that make its job another one than most."""

_NOT_IN_A_TEMPLATE = ("status", "enqueued_at")
_SLOW = ("dependency_id", "dependency_ids", "rate_limit_key")
"""Fields of a job that RQ itself has to enqueue."""

_SECOND = timedelta(seconds=1)
_FOREVER = -_SECOND


def template_of(context: SchedulerContext, schedule: Schedule, prototypes: Prototypes | None = None) -> JobFields:
    """The job of a schedule, built by the Scheduler's `_create_job`, so that overrides of it are honoured; or like one
    of `prototypes`, to which it is added.

    Nothing is written. Raises InvalidArgument or InvalidType naming the option that cannot be; FunctionRefused (a
    TypeError too) for a function that workers cannot import, arguments that do not serialize, and a call that does not
    fit the function's signature, where the function can be imported here.
    """
    schedule, target = expand_task(schedule)
    func = schedule.func
    check_function(func)
    warn_about_function(func)
    if not isinstance(schedule.at_front, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"at_front={schedule.at_front!r} is {kind_of(schedule.at_front)}: give True or False")
    if schedule.queue_name == "":
        raise InvalidArgument("queue_name='' is empty: leave it out for the scheduler's own queue")
    key = None if prototypes is None else _all_but_arguments(context.job_defaults, schedule)
    if prototypes is not None and key is not None:
        like = prototypes.like(key, schedule.args, schedule.kwargs)
        if like is not None:
            job, fields = like
            _check_call(target, job, schedule.args or (), schedule.kwargs or {})
            return _template(job, fields, fields["description"])
    job = _create(context.create_job, schedule)
    _check_call(target, job, cast("Any", job).args, job.kwargs)
    if schedule.at_front:
        job.enqueue_at_front = True
    fields = context.creator.fields(job)
    for name in _NOT_IN_A_TEMPLATE:
        fields.pop(name, None)
    if prototypes is not None and key is not None:
        prototypes.learn(key, job, fields)
    return _template(job, fields, job.get_call_string() or "")


def _template(job: Job, fields: dict[str, Any], call: str) -> JobFields:
    if not call.isascii():
        call = call.encode(errors="backslashreplace").decode()
    slow = not fields.keys().isdisjoint(_SLOW) or bool(meta_of(job).get("queue_class_name"))
    return JobFields(fields, _dotted(job), call, str(fields["origin"]), slow)


def _all_but_arguments(defaults: Hashable | None, schedule: Schedule) -> Hashable | None:
    """All that makes the job of a schedule, but for its arguments; None where that is more than plain values."""
    if defaults is None or not goes_by_name(schedule.func):
        return None
    for name in _NOT_PLAIN:
        if getattr(schedule, name) is not None:
            return None
    values = (schedule.queue_name, schedule.job_timeout, schedule.result_ttl, schedule.ttl, schedule.failure_ttl)
    for value in values:
        if type(value) not in (str, int, NoneType):
            return None
    return schedule.func, schedule.at_front, values, defaults


def _create(create: Callable[..., Job], schedule: Schedule) -> Job:
    durations = {keyword: _seconds(getattr(schedule, name), name) for name, keyword in _DURATIONS.items()}
    failure_ttl = durations.pop("failure_ttl")
    newer = {
        "failure_ttl": failure_ttl,
        "on_stopped": schedule.on_stopped,
        "retry": _retry(schedule.retry),
        "webhooks": _webhooks(schedule.webhooks),
        "rate_limit": _rate_limit(schedule.rate_limit),
    }
    given = {name: value for name, value in newer.items() if value is not None}
    refused: set[str] = set() if surely_takes_any_keyword(create) else given.keys() - _accepted(create, given)
    for name in sorted(refused - {"failure_ttl"}):
        override = getattr(create, "__qualname__", "_create_job")
        raise InvalidType(
            f"{name}={newer[name]!r}: {override} does not take it; add **options to that override and hand them on, or "
            "leave it out"
        )
    job = create(
        schedule.func,
        args=schedule.args,
        kwargs=schedule.kwargs,
        commit=False,
        id=None,
        description=schedule.description,
        queue_name=schedule.queue_name,
        meta=_meta(schedule.meta),
        depends_on=schedule.depends_on,
        on_success=schedule.on_success,
        on_failure=schedule.on_failure,
        **durations,
        **{name: value for name, value in given.items() if name not in refused},
    )
    if "failure_ttl" in refused:
        # Every schedule has one by default, so an override with 0.14's signature must not be refused for it.
        job.failure_ttl = failure_ttl
    return job


def _accepted(create: Callable[..., Any], names: Mapping[str, Any]) -> frozenset[str]:
    parameters = inspect.signature(create).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return frozenset(names)
    return frozenset(parameters)


def _seconds(value: Any, name: str) -> int | None:
    """RQ keeps whole seconds; -1 is its "for ever"."""
    if value is None:
        return None
    duration = Duration.of(value, name)
    if duration < timedelta() and duration != _FOREVER:
        raise InvalidArgument(f"{name}={value!r} is negative: give a positive duration, or -1 for no limit")
    if not duration and name in ("job_timeout", "ttl"):
        raise InvalidArgument(
            f"{name}={value!r} leaves a run no time at all: give a positive duration, or -1 for no limit"
        )
    return math.ceil(duration / _SECOND)


def _meta(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    meta = dict(cast("Mapping[Any, Any]", value))  # RQ and overrides add to it, and the caller's is not theirs
    for name in ("interval", "cron_string"):
        if name in meta:
            raise InvalidArgument(
                f"meta={value!r}: the key {name!r} marks a job as a recurring one of schedule() and cron(); "
                "choose another key, the trigger says when this one runs"
            )
    return meta


def _retry(value: Any) -> Any:
    if isinstance(value, bool):
        raise InvalidType(f"retry={value!r} is a bool: give how often to try again, or an rq.Retry")
    try:
        if isinstance(value, RetryFields):
            return Retry(max=value.max, interval=value.interval)
        return Retry(max=value) if isinstance(value, int) else value
    except ValueError as error:
        raise InvalidArgument(f"retry={value!r} is refused by RQ: {error}") from error


def _webhooks(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise InvalidType(f"webhooks={value!r} is {kind_of(value)}: give a list of rq.Webhook")
    return [_made("Webhook", each, "webhooks") for each in cast("Sequence[Any]", value)]


def _rate_limit(value: Any) -> Any:
    made = _made("RateLimit", value, "rate_limit")
    if made is not None and not hasattr(made, "concurrency"):
        raise InvalidType(
            f"rate_limit={value!r} is {kind_of(value)}: give an rq.RateLimit, such as RateLimit('mails', 2)"
        )
    return made


def _made(kind: str, given: Any, name: str) -> Any:
    """RQ's object from the fields that a file gives for it."""
    if not isinstance(given, Mapping):
        return given
    value = cast("Mapping[str, Any]", given)
    make = getattr(rq, kind, None)
    if make is None:
        raise InvalidArgument(f"{name}={value!r}: RQ {RQ_VERSION} has no {kind}; leave it out or upgrade to RQ 3")
    try:
        return make(**value)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{name}={value!r} makes no rq.{kind}: {error}") from error


def _check_call(func: Any, job: Job, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that do not fit the function, where it and its signature can be had here."""
    try:
        target = aside(import_attribute, func) if isinstance(func, str) else func
        if surely_takes(target, args, kwargs):
            return
        # Not of what it wraps: a decorator may well supply arguments of its own.
        signature = inspect.signature(target, follow_wrapped=False)
    except (Exception, SystemExit):  # noqa: BLE001  importing runs whatever the module holds
        return  # code that only workers have, or a callable without a signature
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise FunctionRefused(
            f"func={_dotted(job)}{signature} cannot be called with the args and kwargs given: {error}"
        ) from error


def _dotted(job: Job) -> str:
    if job.instance is None:
        return str(job.func_name)
    kind: Any = type(cast("object", job.instance))
    return f"{kind.__module__}.{kind.__qualname__}.{job.func_name}"
