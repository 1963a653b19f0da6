"""From the job that a schedule's runs are copies of back to its definition, and whether two such jobs are the same.

Knows no key of Redis and sends no command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import rq
from rq import Callback, Retry
from rq.job import Dependency

from rq_scheduler.aliases import Tags
from rq_scheduler.errors import JobUnreadable
from rq_scheduler.jobs import JobCreator
from rq_scheduler.model import Schedule, Spec

__all__ = ["as_stored", "same_job", "schedule_of"]

_OF_ONE_RUN = frozenset(
    {
        *("status", "created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat"),
        *("worker_name", "result", "exc_info"),
    }
)
"""Fields of RQ's job hash that say nothing about a definition."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What JobCreator.restore takes; a template has no job id."""

    fields: Mapping[bytes, bytes]
    id: str = "template"


def same_job(creator: JobCreator, new: Mapping[str, Any], stored: Mapping[bytes, bytes]) -> bool:
    """Whether two templates make the same job: everything counts but when they were made.

    Arguments and meta are the same when their bytes are, or when, loaded, they are equal and of equal types all the
    way down (`1`, `1.0` and `True` are three). What cannot be loaded is the same only as its own bytes. Two
    descriptions that RQ derived from the call count as the same, since they may hold addresses and orders of sets.
    """
    mine, theirs = _definition(as_stored(new)), _definition(stored)
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


def as_stored(fields: Mapping[str, Any]) -> dict[bytes, bytes]:
    """A job hash as Redis gives it back."""
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
