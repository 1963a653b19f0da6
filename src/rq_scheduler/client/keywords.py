"""Which keywords of `enqueue_at` and `enqueue_in` are options of the job, and which belong to the function.

0.14 takes a fixed set of names for itself and hands every other keyword to the function, silently; applications have
functions with `start=` and `tags=` of their own, so that rule stays. What changed: an object that says what it is (an
`rq.Retry` as `retry`) is an option, and an option of RQ's that goes to a function which does not declare it is warned
about. Owns that rule; builds nothing, writes nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

import rq
from rq import Queue
from rq.job import Job
from rq.utils import import_attribute
from rq.version import VERSION as RQ_VERSION

from rq_scheduler.aliases import CallbackLike, DependsOn, DurationLike
from rq_scheduler.aside import aside
from rq_scheduler.errors import InvalidType, kind_of
from rq_scheduler.warn import warn_once

__all__ = ["BulkOptions", "JobKeywords", "options_only", "split"]

# keyword of enqueue_at -> keyword of Scheduler._create_job. 0.14 always passes these, given or not.
_CLASSIC = {
    "timeout": "timeout",
    "job_id": "id",
    "job_result_ttl": "result_ttl",
    "job_ttl": "ttl",
    "job_description": "description",
    "meta": "meta",
    "queue_name": "queue_name",
    "depends_on": "depends_on",
    "on_success": "on_success",
    "on_failure": "on_failure",
}
_NONE_GIVEN: dict[str, Any] = dict.fromkeys(_CLASSIC.values())
# Newer ones are passed on only when given, so that overrides of _create_job with a fixed signature keep working.
_NEWER = ("failure_ttl", "on_stopped")
# Newer ones whose names functions may have too: options only where the value is RQ's own. What to give, and its class,
# where the installed RQ has that.
_TYPED: dict[str, tuple[str, type | None]] = {
    "retry": ("an rq.Retry, such as Retry(max=3)", rq.Retry),
    "repeat": ("an rq.Repeat, such as Repeat(times=3, interval=60)", rq.Repeat),
    "rate_limit": ("an rq.RateLimit, such as RateLimit('mails', 2)", getattr(rq, "RateLimit", None)),
    "webhooks": ("a list of rq.Webhook objects", getattr(rq, "Webhook", None)),
}

# Keyword of _create_job, or RQ's name for it -> keyword of enqueue_at.
_KEYWORD_OF = {
    **{target: name for name, target in _CLASSIC.items()},
    **{name: name for name in (*_NEWER, "at_front")},
    "origin": "queue_name",
    "queue": "queue_name",
    "enqueue_at_front": "at_front",
}
_INSTEAD = {
    "args": "pass positional arguments after the function",
    "kwargs": "pass the function's keyword arguments as they are",
    "connection": "there is no such option: a job has its scheduler's connection",
    "pipeline": "there is no such option: enqueue_many() saves many jobs at once",
    "serializer": "there is no such option: Scheduler(serializer=...) is for all of its jobs",
    "status": "there is no such option: a job is scheduled until its time comes",
    "unique": "there is no such option: give a job_id, and what is scheduled under it is replaced",
}


class BulkOptions(TypedDict, total=False):
    """Options of `enqueue_many`, as callers give them."""

    timeout: DurationLike | None
    job_result_ttl: DurationLike | None
    job_ttl: DurationLike | None
    job_description: str | None
    meta: dict[Any, Any] | None
    queue_name: str | None
    depends_on: DependsOn | None
    on_success: CallbackLike | None
    on_failure: CallbackLike | None
    at_front: bool
    failure_ttl: DurationLike | None
    on_stopped: CallbackLike | None
    retry: rq.Retry | None
    repeat: rq.Repeat | None
    rate_limit: Any
    webhooks: Sequence[Any] | None


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class JobKeywords:
    """The keywords of one call, sorted."""

    creator: dict[str, Any]
    """For `_create_job`."""
    at_front: bool
    function: dict[str, Any]
    """For the function itself."""


def split(func: Any, keywords: Mapping[str, Any]) -> JobKeywords:
    """Sort the keywords of one `enqueue_at` or `enqueue_in`, warning about options under a wrong name."""
    rest = dict(keywords)
    creator = _NONE_GIVEN.copy()
    if not rest.keys().isdisjoint(_CLASSIC):
        creator = {target: rest.pop(name, None) for name, target in _CLASSIC.items()}
    at_front = bool(rest.pop("at_front", False))
    for name in [name for name in rest if name in _NEWER or (name in _TYPED and _is_rqs(name, rest[name]))]:
        value = rest.pop(name)
        if value is not None:
            creator[name] = value
    _warn_about_options(func, rest)
    return JobKeywords(creator, at_front, rest)


def options_only(keywords: Mapping[str, Any]) -> JobKeywords:
    """The options of `enqueue_many`: those of `enqueue_at` without `job_id`, and nothing for the function.

    Raises InvalidType for any other keyword, as Python does for a function without `**kwargs`.
    """
    allowed = [name for name in (*_CLASSIC, "at_front", *_NEWER, *_TYPED) if name != "job_id"]
    for name, value in keywords.items():
        if name == "job_id":
            raise _unexpected(name, "an id belongs to one job: Queue.prepare_data(..., job_id=...)")
        if name not in allowed:
            remedy = _answer(name) or f"it takes {', '.join(allowed)}"
            raise _unexpected(name, f"{remedy}; the function's own arguments go into each item")
        if name in _TYPED and value is not None and not _is_rqs(name, value):
            raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give {_what(name)}")
    creator = {target: keywords.get(name) for name, target in _CLASSIC.items()}
    creator |= {name: keywords[name] for name in (*_NEWER, *_TYPED) if keywords.get(name) is not None}
    return JobKeywords(creator, bool(keywords.get("at_front")), {})


def _unexpected(name: str, remedy: str) -> InvalidType:
    return InvalidType(f"enqueue_many() got an unexpected keyword argument {name!r}: {remedy}")


def _warn_about_options(func: Any, keywords: Mapping[str, Any]) -> None:
    answers = {name: answer for name in keywords if (answer := _answer(name)) is not None}
    if not answers:
        return
    declared = _parameters(func)
    for name, answer in answers.items():
        if name not in declared:
            warn_once(
                f"option-{name}",
                f"{name}= goes to the function {_name(func)}, which does not declare it; if you meant the job, "
                f"{answer}",
            )


def _answer(name: str) -> str | None:
    """What to write instead of a name that goes to the function and is an option of RQ's, by this name or without
    "job_" before it; None for a name that is none."""
    bare = name.removeprefix("job_")
    keyword = bare if bare in _TYPED else _KEYWORD_OF.get(bare)
    if keyword in _TYPED:
        return f"the option {keyword} takes {_what(keyword)}"
    if keyword is not None:
        return f"the option is called {keyword}"
    if name in _INSTEAD:
        return _INSTEAD[name]
    return "there is no such option" if name in _rq_options() else None


@functools.cache
def _rq_options() -> frozenset[str]:
    """Every name that the installed RQ takes where it builds or enqueues a job."""
    queue: Any = Queue
    calls: tuple[Any, ...] = (
        *(cast("Any", Job).create, queue.create_job, queue.prepare_data, queue.parse_args),
        *(queue.enqueue, queue.enqueue_at, queue.enqueue_in, queue.enqueue_call),
    )
    return frozenset(
        each.name for call in calls for each in inspect.signature(call).parameters.values() if each.kind in _BY_NAME
    )


def _is_rqs(name: str, value: Any) -> bool:
    """Whether the value is an object of RQ's, or a list of such, of the class that the option takes."""
    kind = _TYPED[name][1]
    if kind is None:
        return False
    if name == "webhooks" and isinstance(value, list | tuple):
        values = cast("list[Any]", value)
        return bool(values) and all(isinstance(each, kind) for each in values)
    return name != "webhooks" and isinstance(value, kind)


def _what(name: str) -> str:
    what, kind = _TYPED[name]
    return what if kind is not None else f"{what}, which RQ {RQ_VERSION} does not have; RQ 3 has"


def _parameters(func: Any) -> frozenset[str]:
    """Names the function declares; empty when it cannot be looked at from here."""
    try:
        target = aside(import_attribute, func) if isinstance(func, str) else func
        parameters = inspect.signature(target).parameters.values()
        return frozenset(each.name for each in parameters if each.kind in _BY_NAME)
    except (Exception, SystemExit):  # noqa: BLE001  importing runs whatever the module holds
        # A dotted name of code that only workers have, or a callable without a signature: nothing is known.
        return frozenset()


def _name(func: Any) -> str:
    return func if isinstance(func, str) else str(getattr(func, "__qualname__", func))
