"""From a Schedule to the job that each of its runs is a copy of, back again, and whether two of them are the same.

Owns what RQ is told about a schedule's job, and the checks that find a wrong call before anything is written. Knows
no key of Redis and sends no command.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import rq
from rq import Callback, Retry
from rq.job import Dependency, Job
from rq.utils import import_attribute
from rq.version import VERSION as RQ_VERSION

from rq_scheduler.aliases import Tags
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.errors import FunctionRefused, InvalidArgument, InvalidType, JobUnreadable, kind_of
from rq_scheduler.functions import check_function, warn_about_function
from rq_scheduler.jobs import Fields, JobCreator, meta_of
from rq_scheduler.model import RetryFields, Schedule, Spec
from rq_scheduler.serialization import Duration
from rq_scheduler.signatures import surely_takes, surely_takes_any_keyword

__all__ = ["JobTemplate", "same_job", "schedule_of", "template_of"]

_DURATIONS = {"job_timeout": "timeout", "result_ttl": "result_ttl", "ttl": "ttl", "failure_ttl": "failure_ttl"}
"""Field of Schedule -> keyword of `_create_job`."""

_NOT_IN_A_TEMPLATE = ("status", "enqueued_at")
_SLOW = ("dependency_id", "dependency_ids", "rate_limit_key")
"""Fields of a job that RQ itself has to enqueue."""

_SECOND = timedelta(seconds=1)
_FOREVER = -_SECOND

_OF_ONE_RUN = frozenset(
    {
        *("status", "created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat"),
        *("worker_name", "result", "exc_info"),
    }
)
"""Fields of RQ's job hash that say nothing about a definition."""


@dataclass(frozen=True, slots=True)
class JobTemplate:
    """The job that a schedule makes, as RQ would write it; each run is a copy."""

    fields: Fields
    """RQ's job hash, without a status."""
    func: str
    """Dotted name."""
    call: str
    """The call as RQ writes it for people."""
    queue: str
    slow: bool
    """Whether a run has to go through RQ's own enqueue: dependencies, a rate limit, a queue class of its own."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What JobCreator.restore takes; a template has no job id."""

    fields: Mapping[bytes, bytes]
    id: str = "template"


def template_of(context: SchedulerContext, schedule: Schedule) -> JobTemplate:
    """The job of a schedule, built by the Scheduler's `_create_job`, so that overrides of it are honoured.

    Nothing is written. Raises InvalidArgument or InvalidType naming the option that cannot be; FunctionRefused (a
    TypeError too) for a function that workers cannot import, arguments that do not serialize, and a call that does not
    fit the function's signature, where the function can be imported here.
    """
    check_function(schedule.func)
    warn_about_function(schedule.func)
    if not isinstance(schedule.at_front, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"at_front={schedule.at_front!r} is {kind_of(schedule.at_front)}: give True or False")
    if schedule.queue_name == "":
        raise InvalidArgument("queue_name='' is empty: leave it out for the scheduler's own queue")
    job = _create(context.create_job, schedule)
    _check_call(schedule.func, job)
    if schedule.at_front:
        job.enqueue_at_front = True
    fields = context.creator.fields(job)
    for name in _NOT_IN_A_TEMPLATE:
        fields.pop(name, None)
    return JobTemplate(
        fields=fields,
        func=_dotted(job),
        call=_call_of(job),
        queue=str(fields["origin"]),
        slow=not fields.keys().isdisjoint(_SLOW) or bool(meta_of(job).get("queue_class_name")),
    )


def same_job(creator: JobCreator, new: Fields, stored: Mapping[bytes, bytes]) -> bool:
    """Whether two templates make the same job: everything counts but when they were made.

    Arguments and meta are the same when their bytes are, or when, loaded, they are equal and of equal types all the
    way down (`1`, `1.0` and `True` are three). What cannot be loaded is the same only as its own bytes. Two
    descriptions that RQ derived from the call count as the same, since they may hold addresses and orders of sets.
    """
    mine, theirs = _definition(_encoded(new)), _definition(stored)
    differing = {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}
    if not differing <= {b"data", b"meta", b"description"}:
        return False
    if not differing:
        return True
    try:
        one, other = creator.restore(_Stored(mine)), creator.restore(_Stored(theirs))
        if b"data" in differing and not _equal(_call(one), _call(other), creator.serializer.dumps):
            return False
        if b"meta" in differing:
            metas = [creator.serializer.loads(fields[b"meta"]) for fields in (mine, theirs) if b"meta" in fields]
            if len(metas) < 2 or not _equal(metas[0], metas[1], creator.serializer.dumps):
                return False
        return b"description" not in differing or (_is_derived(one) and _is_derived(other))
    except Exception:  # noqa: BLE001  loading runs whatever the arguments' classes do
        return False


def schedule_of(
    creator: JobCreator,
    id: str,
    spec: Spec,
    stored: Mapping[bytes, bytes],
    tags: Tags = (),
    note: str = "",
    paused: bool = False,
) -> Schedule:
    """The definition that a spec and a stored template came from, arguments loaded.

    Raises JobUnreadable when they cannot be loaded here.
    """
    job: Any = creator.restore(_Stored(stored))
    try:
        func, args, kwargs = job.func_name, tuple(job.args), job.kwargs
        if job.instance is not None:
            func = getattr(job.instance, func)
        meta = creator.serializer.loads(stored[b"meta"]) if stored.get(b"meta") else None
    except Exception as error:
        raise JobUnreadable(
            f"schedule {id!r}: its arguments cannot be read back here ({error.__cause__ or error}); put it again, or "
            "use the serializer and the code that wrote it"
        ) from error
    return Schedule(
        id=id,
        func=func,
        args=args,
        kwargs=kwargs,
        queue_name=job.origin or None,
        job_timeout=job.timeout,
        result_ttl=job.result_ttl,
        ttl=job.ttl,
        failure_ttl=job.failure_ttl,
        description=None if _is_derived(job) else job.description,
        meta=meta,
        at_front=bool(job.enqueue_at_front),
        retry=_retry_of(job),
        depends_on=_dependency_of(job),
        on_success=_callback_of(job, "success"),
        on_failure=_callback_of(job, "failure"),
        on_stopped=_callback_of(job, "stopped"),
        webhooks=getattr(job, "webhooks", None) or None,
        rate_limit=_rate_limit_of(job),
        paused=paused,
        note=note,
        tags=tags,
        **{name: getattr(spec, name) for name in Spec.__struct_fields__},
    )


# From a schedule to a job


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


def _check_call(func: Any, job: Job) -> None:
    """Refuse arguments that do not fit the function, where it and its signature can be had here."""
    args: tuple[Any, ...] = cast("Any", job).args
    try:
        target = import_attribute(func) if isinstance(func, str) else func
        if surely_takes(target, args, job.kwargs):
            return
        # Not of what it wraps: a decorator may well supply arguments of its own.
        signature = inspect.signature(target, follow_wrapped=False)
    except (Exception, SystemExit):  # noqa: BLE001  importing runs whatever the module holds
        return  # code that only workers have, or a callable without a signature
    try:
        signature.bind(*args, **job.kwargs)
    except TypeError as error:
        raise FunctionRefused(
            f"func={_dotted(job)}{signature} cannot be called with the args and kwargs given: {error}"
        ) from error


def _call_of(job: Job) -> str:
    call = job.get_call_string() or ""
    return call if call.isascii() else call.encode(errors="backslashreplace").decode()


def _dotted(job: Job) -> str:
    if job.instance is None:
        return str(job.func_name)
    kind: Any = type(cast("object", job.instance))
    return f"{kind.__module__}.{kind.__qualname__}.{job.func_name}"


# From what is stored


def _retry_of(job: Any) -> Retry | None:
    if job.retries_left is None:
        return None
    # Only newer versions of RQ have it.
    front: dict[str, Any] = {"enqueue_at_front": True} if getattr(job, "enqueue_at_front_on_retry", False) else {}
    return Retry(max=job.retries_left, interval=job.retry_intervals or 0, **front)


def _dependency_of(job: Any) -> Dependency | list[str] | None:
    if not job._dependency_ids:
        return None
    ids = list(job._dependency_ids)
    if job.allow_dependency_failures is None:
        return ids
    return Dependency(
        jobs=ids,
        allow_failure=job.allow_dependency_failures,
        enqueue_at_front=bool(job.enqueue_at_front),
    )


def _callback_of(job: Any, kind: str) -> Callback | None:
    name = getattr(job, f"_{kind}_callback_name")
    return Callback(name, timeout=getattr(job, f"_{kind}_callback_timeout")) if name else None


def _rate_limit_of(job: Any) -> Any:
    key = getattr(job, "rate_limit_key", None)
    return cast("Any", rq).RateLimit(key, job.rate_limit_concurrency) if key else None


# Sameness


def _encoded(fields: Fields) -> dict[bytes, bytes]:
    return {name.encode(): value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}


def _definition(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """What of a job hash belongs to the definition; RQ writes some absent values as empty ones."""
    return {name: value for name, value in fields.items() if value and name.decode() not in _OF_ONE_RUN}


def _call(job: Any) -> tuple[Any, ...]:
    return job.func_name, job.instance, tuple(job.args), job.kwargs


def _is_derived(job: Any) -> bool:
    """Whether a job's description is the one that RQ makes of the call."""
    call = job.get_call_string()
    return not job.description or job.description.startswith(call[: call.index("(") + 1])


def _equal_items(one: dict[Any, Any], other: dict[Any, Any], dumps: Callable[[Any], bytes]) -> bool:
    rest = {key: key for key in other}
    for key in one:
        # What is or holds NaN is found nowhere: it equals nothing, not even itself.
        candidates = [rest[key]] if key in rest else list(rest.values())
        for found in candidates:
            if _equal(key, found, dumps) and _equal(one[key], other[found], dumps):
                del rest[found]
                break
        else:
            return False
    return True


def _equal(one: Any, other: Any, dumps: Callable[[Any], bytes]) -> bool:
    if one is other:
        return True
    kind: Any = type(cast("object", one))
    if kind is not type(cast("object", other)):
        return False
    if kind in (list, tuple):
        return len(one) == len(other) and all(_equal(a, b, dumps) for a, b in zip(one, other, strict=True))
    if kind is dict:
        return len(one) == len(other) and _equal_items(one, other, dumps)
    if kind in (set, frozenset):
        return len(one) == len(other) and _equal_items(dict.fromkeys(one), dict.fromkeys(other), dumps)
    if kind is float:
        return repr(one) == repr(other)  # NaN is the same as NaN, and 0.0 is not -0.0
    try:
        if one == other:
            return True
    except Exception:  # noqa: BLE001, S110  an array has no truth value
        pass
    return dumps(one) == dumps(other)
