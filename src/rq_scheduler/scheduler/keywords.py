"""Which keywords of `enqueue_at` and `enqueue_in` are options of the job, and which belong to the function.

0.14 takes a fixed set of names for itself and hands every other keyword to the function, silently; applications have
functions with `start=` and `tags=` of their own, so that rule stays. What changed: a name that looks like an option
and goes to a function that does not declare it is warned about. Owns that rule; builds nothing, writes nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from rq import Retry
from rq.utils import import_attribute

from rq_scheduler.advice import warn_once
from rq_scheduler.aliases import CallbackLike, DependsOn, DurationLike
from rq_scheduler.errors import InvalidType, kind_of

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
_NEWER = ("failure_ttl", "on_stopped", "retry")

# Looks like an option, goes to the function: what to write instead.
_LOOKALIKES = {
    "args": "pass positional arguments after the function",
    "kwargs": "pass the function's keyword arguments as they are",
    "job_timeout": "the option is called timeout",
    "result_ttl": "the option is called job_result_ttl",
    "ttl": "the option is called job_ttl",
    "description": "the option is called job_description",
    "retry": "the option takes an rq.Retry, such as Retry(max=3)",
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
    retry: Retry | None


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
    for name in _NEWER:
        if name not in rest or (name == "retry" and not isinstance(rest[name], Retry)):
            continue
        value = rest.pop(name)
        if value is not None:
            creator[name] = value
    _warn_about_lookalikes(func, rest)
    return JobKeywords(creator, at_front, rest)


def options_only(keywords: Mapping[str, Any]) -> JobKeywords:
    """The options of `enqueue_many`: those of `enqueue_at` without `job_id`, and nothing for the function.

    Raises InvalidType for any other keyword, as Python does for a function without `**kwargs`.
    """
    allowed = [name for name in (*_CLASSIC, "at_front", *_NEWER) if name != "job_id"]
    for name in keywords:
        if name not in allowed:
            remedy = f"it takes {', '.join(allowed)}; the function's own arguments go into each item"
            if name == "job_id":
                remedy = "an id belongs to one job: Queue.prepare_data(..., job_id=...)"
            raise InvalidType(f"enqueue_many() got an unexpected keyword argument {name!r}: {remedy}")
    retry = keywords.get("retry")
    if not isinstance(retry, Retry | None):
        raise InvalidType(f"retry={retry!r} is {kind_of(retry)}: give an rq.Retry, such as Retry(max=3)")
    creator = {target: keywords.get(name) for name, target in _CLASSIC.items()}
    creator |= {name: keywords[name] for name in _NEWER if keywords.get(name) is not None}
    return JobKeywords(creator, bool(keywords.get("at_front")), {})


def _warn_about_lookalikes(func: Any, keywords: Mapping[str, Any]) -> None:
    suspects = [name for name in keywords if name in _LOOKALIKES]
    if not suspects:
        return
    declared = _parameters(func)
    for name in suspects:
        if name not in declared:
            warn_once(
                f"lookalike-{name}",
                f"{name}= goes to the function {_name(func)}, which does not declare it; if you meant the job, "
                f"{_LOOKALIKES[name]}",
            )


def _parameters(func: Any) -> frozenset[str]:
    """Names the function declares; empty when it cannot be looked at from here."""
    try:
        target = import_attribute(func) if isinstance(func, str) else func
        parameters = inspect.signature(target).parameters.values()
        return frozenset(each.name for each in parameters if each.kind in _BY_NAME)
    except Exception:  # noqa: BLE001  importing runs whatever the module holds
        # A dotted name of code that only workers have, or a callable without a signature: nothing is known.
        return frozenset()


def _name(func: Any) -> str:
    return func if isinstance(func, str) else str(getattr(func, "__qualname__", func))
