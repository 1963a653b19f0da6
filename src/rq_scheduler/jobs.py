"""The Job Creator: the only file that builds RQ jobs, and the one that reads them back from what Redis holds.

Owns what makes a job acceptable (arguments, options, id; the function is judged by `functions`), so that a mistake is
found at the call and not at 02:00. Knows RQ's Job and nothing of schedules, queues or the scheduler's keys; it sends no
command to Redis.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, cast

from redis import Redis, RedisCluster
from rq import Callback, Repeat, Retry
from rq.exceptions import TimeoutFormatError
from rq.job import Dependency, Job, JobStatus
from rq.serializers import DefaultSerializer
from rq.utils import parse_timeout
from rq.version import VERSION as RQ_VERSION

from rq_scheduler.aliases import Args, CallbackLike, DependsOn, DurationLike, Function, SerializerLike
from rq_scheduler.classes import load_serializer
from rq_scheduler.errors import FunctionRefused, InvalidArgument, InvalidType, JobUnreadable, check_encodable, kind_of
from rq_scheduler.functions import check_function

__all__ = [
    "Connection",
    "Fields",
    "JobCreator",
    "NewerOptions",
    "meta_of",
    "unread_meta",
]


_OPTION_OF = {
    "origin": "queue_name",
    "success_callback_name": "on_success",
    "failure_callback_name": "on_failure",
    "stopped_callback_name": "on_stopped",
}
"""Field of RQ's job hash -> the option that it comes from, where that has another name."""

_LONGEST = timedelta.max.total_seconds()

Connection = Redis | RedisCluster
Fields = dict[str, bytes | str | int | float]
"""A job hash as it is written: RQ's `Job.to_dict()`."""


class _Stored(Protocol):
    """A job hash as it was read (the store's StoredJob)."""

    @property
    def id(self) -> str: ...
    @property
    def fields(self) -> Mapping[bytes, bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerOptions:
    """Job options that 0.14 did not have. All None means: build the job exactly as 0.14 would have."""

    failure_ttl: DurationLike | None = None
    on_stopped: CallbackLike | None = None
    retry: Retry | None = None
    repeat: Any = None
    webhooks: Sequence[Any] | None = None
    rate_limit: Any = None


NO_NEWER = NewerOptions()


class JobCreator:
    """Builds and restores the jobs of one connection, job class and serializer."""

    def __init__(
        self, connection: Connection, job_class: type[Job] = Job, serializer: SerializerLike | None = None
    ) -> None:
        self.connection = connection
        self.job_class = job_class
        self.serializer: Any = load_serializer(serializer)

    @property
    def _named_serializer(self) -> Any:
        """None for RQ's default: each job would check one that is named, at a tenth of what it takes to build it."""
        return None if self.serializer is DefaultSerializer else self.serializer

    def create(
        self,
        func: Function,
        args: Args | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        origin: str,
        id: str | None = None,
        timeout: DurationLike | None = None,
        result_ttl: DurationLike | None = None,
        ttl: DurationLike | None = None,
        description: str | None = None,
        meta: dict[Any, Any] | None = None,
        depends_on: DependsOn | None = None,
        on_success: CallbackLike | None = None,
        on_failure: CallbackLike | None = None,
        newer: NewerOptions = NO_NEWER,
    ) -> Job:
        """An unsaved job with status `scheduled` for the queue `origin`.

        Durations are seconds, a timedelta or RQ's text (`"10m"`). `meta` becomes the job's own dict, not a copy.
        Raises InvalidArgument or InvalidType naming what is wrong; FunctionRefused for a function that workers
        cannot import.
        """
        check_function(func)
        options: dict[str, Any] = {
            "connection": self.connection,
            "serializer": self._named_serializer,
            "status": JobStatus.SCHEDULED,
            "origin": _queue_name(origin),
            "args": _args(args),
            "kwargs": _kwargs(kwargs),
            "id": _id(id),
            "timeout": _seconds(timeout, "timeout"),
            "result_ttl": _seconds(result_ttl, "result_ttl"),
            "ttl": _seconds(ttl, "ttl"),
            "description": _text(description, "description"),
            "meta": _meta(meta),
            "depends_on": _depends_on(depends_on),
            "on_success": _callback(on_success, "on_success"),
            "on_failure": _callback(on_failure, "on_failure"),
        }
        if newer.failure_ttl is not None:
            options["failure_ttl"] = _seconds(newer.failure_ttl, "failure_ttl")
        if newer.on_stopped is not None:
            options["on_stopped"] = _callback(newer.on_stopped, "on_stopped")
        if newer.webhooks:
            options["webhooks"] = newer.webhooks
        _refuse_unknown(self.job_class, options)
        try:
            job: Job = cast("Any", self.job_class).create(func, **options)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise _from_rq(error, func, options) from error
        if meta is not None:
            job.meta = meta  # RQ replaces an empty dict by one of its own; the caller's is the one that counts
        _set_newer(job, newer)
        return job

    def fields(self, job: Job) -> Fields:
        """The job as a Redis hash. Raises FunctionRefused or InvalidArgument naming the part that does not
        serialize; this is the last check before anything is written."""
        try:
            fields: Fields = cast("Any", job).to_dict()
        except Exception as error:
            raise self._unserializable(job, error) from error
        for name, value in fields.items():
            if isinstance(value, str) and not value.isascii():
                check_encodable(**{_OPTION_OF.get(name, name): value})
        return fields

    def restore(self, stored: _Stored) -> Job:
        """The job that a hash from Redis describes; arguments are not unpickled until somebody asks for them.

        Raises JobUnreadable when RQ cannot make a job of it.
        """
        try:
            job: Any = self.job_class(stored.id, connection=cast("Any", self.connection), serializer=self.serializer)
            job.restore(stored.fields)
        except Exception as error:
            raise JobUnreadable(
                f"job {stored.id!r}: RQ {RQ_VERSION} cannot read what Redis holds for it ({error}); delete it, or "
                "read it with the RQ and the serializer that wrote it"
            ) from error
        return job

    def _unserializable(self, job: Job, error: Exception) -> InvalidArgument:
        """Which part of the job is to blame: what fails to serialize on its own."""
        name = self.serializer.__name__ if isinstance(self.serializer, type) else repr(self.serializer)
        if not self._serializes(job.meta):
            return InvalidArgument(
                f"meta={job.meta!r} cannot be serialized with {name}: {error}. Keep plain values in it"
            )
        for position, value in enumerate(cast("Any", job).args):
            if not self._serializes(value):
                return _unserializable_argument(f"argument {position} ({value!r})", name, error)
        for key, value in job.kwargs.items():
            if not self._serializes(value):
                return _unserializable_argument(f"argument {key}={value!r}", name, error)
        return FunctionRefused(
            f"func={job.instance or job.func_name!r} cannot be serialized with {name}: {error}. "
            "Schedule a function that lives at the top of a module, by itself or by its dotted name"
        )

    def _serializes(self, value: Any) -> bool:
        try:
            self.serializer.dumps(value)
        except Exception:  # noqa: BLE001  a serializer may raise anything
            return False
        return True


def _unserializable_argument(which: str, serializer: str, error: Exception) -> InvalidArgument:
    return InvalidArgument(
        f"{which} cannot be serialized with {serializer}: {error}. Pass an id or plain values, and let the function "
        "look the object up in the worker"
    )


def meta_of(job: Job) -> dict[Any, Any]:
    """The job's own meta dict; an empty one where a foreign client has stored something else as meta."""
    meta: Any = job.meta
    return cast("dict[Any, Any]", meta) if isinstance(meta, dict) else {}


def unread_meta(job: Job) -> bytes | None:
    """The bytes of a meta that could not be read back, which RQ keeps under a key of its own; else None."""
    meta = meta_of(job)
    raw = meta.get("unserialized") if len(meta) == 1 else None
    return raw if isinstance(raw, bytes) else None


def _queue_name(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidType(
            f"queue_name={value!r} is {kind_of(value)}: give the queue's name (queue.name of an rq.Queue)"
        )
    if not value:
        raise InvalidArgument("queue_name='' is empty: leave it out for the scheduler's own queue")
    return value


def _args(value: Any) -> list[Any] | tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return cast("list[Any] | tuple[Any, ...]", value)
    raise InvalidType(f"args={value!r} is {kind_of(value)}: give a list or a tuple, such as args=({value!r},)")


def _kwargs(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if type(value) is dict or isinstance(value, Mapping):  # the look at an abstract class is not cheap
        mapping = cast("Mapping[Any, Any]", value)
        wrong = [key for key in mapping if not isinstance(key, str)]
        if not wrong:
            return mapping if isinstance(mapping, dict) else dict(mapping)
        raise InvalidType(f"kwargs={value!r}: {wrong[0]!r} is not a parameter's name; all keys have to be strings")
    raise InvalidType(f"kwargs={value!r} is {kind_of(value)}: give a dict of the function's keyword arguments")


def _id(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidType(f"job id {value!r} is {kind_of(value)}: give a string of letters, digits, _ and -")
    if not value:
        raise InvalidArgument("job id '' is empty: leave it out for a random one, or use letters, digits, _ and -")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"job id {value!r} is no text: use letters, digits, _ and -") from None
    return value


def _meta(value: Any) -> dict[Any, Any] | None:
    if value is None or isinstance(value, dict):
        return cast("dict[Any, Any] | None", value)
    raise InvalidType(f"meta={value!r} is {kind_of(value)}: give a dict, such as meta={{'key': {value!r}}}")


def _depends_on(value: Any) -> Any:
    if value is None or isinstance(value, str | Job | Dependency):
        return value
    items = list(cast("Iterable[Any]", value)) if isinstance(value, Iterable) else [value]
    for item in items:
        if not isinstance(item, str | Job | Dependency):
            raise InvalidType(
                f"depends_on={value!r}: {item!r} is {kind_of(item)}; give jobs, job ids or rq.job.Dependency objects"
            )
    return items


def _text(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give a string")


def _seconds(value: Any, name: str) -> int | None:
    """RQ's own reading of a duration in whole seconds (-1 is for ever), and timedeltas, rounded up."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        return math.ceil(value.total_seconds())
    if isinstance(value, bool):
        raise InvalidType(f"{name}={value!r} is not a duration: give seconds, a timedelta or text such as '10m'")
    try:
        seconds = parse_timeout(value)
    except (TimeoutFormatError, TypeError, ValueError, OverflowError, AssertionError) as error:
        refusal = InvalidType if isinstance(error, TypeError) else InvalidArgument
        raise refusal(
            f"{name}={value!r} is not a duration: give seconds, a timedelta, "
            "or digits and a unit (s, m, h or d), such as '10m'"
        ) from error
    if seconds is not None and seconds > _LONGEST:
        raise InvalidArgument(f"{name}={value!r} is too large: the longest duration is 2.7 million years")
    return seconds


def _callback(value: Any, name: str) -> Callback | None:
    if value is None:
        return None
    if not isinstance(value, Callback):
        # RQ deprecates bare functions with a warning that points at RQ; 0.14's callers pass them.
        try:
            value = Callback(value)
        except ValueError as error:
            raise InvalidArgument(f"{name}={value!r}: give a function, its dotted name or an rq.Callback") from error
    check_function(cast("Any", value).func, name)
    return value


@functools.cache
def _accepted(job_class: type[Job]) -> frozenset[str] | None:
    """Keywords that the class's `create` takes; None when it takes any."""
    parameters = inspect.signature(cast("Any", job_class).create).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)


def _refuse_unknown(job_class: type[Job], options: Mapping[str, Any]) -> None:
    accepted = _accepted(job_class)
    if accepted is None or accepted.issuperset(options):
        return
    for name in options:
        if name not in accepted:
            raise InvalidArgument(
                f"{name}={options[name]!r}: {job_class.__name__}.create of RQ {RQ_VERSION} does not take it; "
                "leave it out or upgrade RQ"
            )


def _set_newer(job: Job, newer: NewerOptions) -> None:
    """Options that RQ's own Queue.create_job sets on the finished job, the same way in every RQ we claim."""
    if newer.retry is not None:
        retry: Any = newer.retry
        if not isinstance(retry, Retry):
            raise InvalidType(f"retry={retry!r} is {kind_of(retry)}: give an rq.Retry, such as Retry(max=3)")
        job.retries_left = retry.max
        job.retry_intervals = retry.intervals
        if getattr(retry, "enqueue_at_front", False):
            job.enqueue_at_front_on_retry = True
    if newer.repeat is not None:
        if not isinstance(newer.repeat, Repeat):
            raise InvalidType(f"repeat={newer.repeat!r} is {kind_of(newer.repeat)}: give an rq.Repeat")
        job.repeats_left = newer.repeat.times
        job.repeat_intervals = newer.repeat.intervals
    if newer.rate_limit is not None:
        if not hasattr(job, "rate_limit_key"):
            raise InvalidArgument(f"rate_limit={newer.rate_limit!r}: RQ {RQ_VERSION} has no rate limits; RQ 3 has")
        if not hasattr(newer.rate_limit, "concurrency"):
            raise InvalidType(f"rate_limit={newer.rate_limit!r} is {kind_of(newer.rate_limit)}: give an rq.RateLimit")
        job.rate_limit_key = newer.rate_limit.key
        job.rate_limit_concurrency = newer.rate_limit.concurrency


def _from_rq(error: Exception, func: Any, options: Mapping[str, Any]) -> InvalidArgument | InvalidType:
    """RQ's refusal in our words. The id is the only thing checked above that RQ checks better."""
    text = str(error)
    if options["id"] is not None and "id" in text.lower() and isinstance(error, ValueError):
        return InvalidArgument(
            f"job id {options['id']!r} is refused by RQ {RQ_VERSION} ({text}): use letters, digits, _ and -"
        )
    refusal = InvalidArgument if isinstance(error, ValueError) else InvalidType
    return refusal(f"RQ {RQ_VERSION} refuses the job for {func!r}: {text}")
