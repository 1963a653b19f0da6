"""The two faces, held together method by method: what the one has, the other has, by the same name."""

import inspect
from functools import cached_property
from typing import Any, get_type_hints

import pytest

from rq_scheduler import AsyncScheduler, Scheduler
from rq_scheduler.aio import parts, schedules
from rq_scheduler.aio.awaited import Face, awaited, listed, told
from rq_scheduler.aio.scheduler import HOOKS
from rq_scheduler.client.audit import Audit
from rq_scheduler.client.events import Events
from rq_scheduler.client.fleet import Fleet
from rq_scheduler.client.pending import Jobs
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.client.tokens import Tokens

pytestmark = pytest.mark.once

PARTS: dict[type[Any], type[Face]] = {
    Schedules: schedules.AsyncSchedules,
    Quarantine: parts.AsyncQuarantine,
    Audit: parts.AsyncAudit,
    Events: parts.AsyncEvents,
    Fleet: parts.AsyncFleet,
    Jobs: parts.AsyncJobs,
    Tokens: parts.AsyncTokens,
}
PAIRS: dict[type[Any], type[Face]] = {Scheduler: AsyncScheduler, **PARTS}

OPERATORS = {"__contains__": "contains", "__len__": "length", "__iter__": "__aiter__", "__getitem__": "__getitem__"}
"""What stands for the operators of Python, of which only iteration and subscripts can be awaited."""

ONLY_ASYNC = {AsyncScheduler: {"scheduler_class", "sync_scheduler", "run_sync"}}

LISTS = {"get_jobs", "get_jobs_to_queue", "find_iter", "touched_by_clocks", "follow", "__iter__"}


def members(kind: type[Any]) -> dict[str, Any]:
    """What callers use of a class, by name."""
    found = {name: inspect.getattr_static(kind, name) for name in dir(kind) if not name.startswith("_")}
    return found | {name: inspect.getattr_static(kind, name) for name in OPERATORS if hasattr(kind, name)}


def methods(kind: type[Any]) -> dict[str, Any]:
    return {name: value for name, value in members(kind).items() if inspect.isfunction(value)}


CALLS = [(sync, name) for sync in PAIRS for name in methods(sync) if name not in ("run", "acting_as")]


@pytest.mark.parametrize("sync", PAIRS)
def test_each_has_what_the_other_has(sync: type[Any]) -> None:
    face = PAIRS[sync]
    named = {OPERATORS.get(name, name) for name in members(sync)}
    have = {name for name in members(face) if name not in ("__contains__", "__len__", "__iter__")}
    have |= {"__aiter__"} & set(dir(face))
    # What an instance has of the constructor's.
    named |= {"connection", "log", "name", "queue_class_name", "queue_name"} if sync is Scheduler else set()
    assert have - ONLY_ASYNC.get(face, set()) == named


@pytest.mark.parametrize(("sync", "name"), CALLS)
def test_each_call_is_the_same_but_that_it_is_awaited(sync: type[Any], name: str) -> None:
    of = getattr(sync, name)
    made = inspect.getattr_static(PAIRS[sync], OPERATORS.get(name, name))
    call = getattr(PAIRS[sync], OPERATORS.get(name, name))
    assert type(made) is (listed if name in LISTS else told if name == "register" else awaited)
    assert inspect.signature(call) == inspect.signature(of)
    assert inspect.getdoc(call) == inspect.getdoc(of)
    assert call.__qualname__ == f"{PAIRS[sync].__name__}.{OPERATORS.get(name, name)}"
    assert call.__wrapped__ is of
    assert ("Iterator[" in str(inspect.signature(of).return_annotation)) is (name in LISTS)


def test_each_part_is_reached_by_the_same_name() -> None:
    for name, value in members(Scheduler).items():
        if isinstance(value, cached_property):
            part = get_type_hints(value.func)["return"]
            face = inspect.getattr_static(AsyncScheduler, name)
            assert get_type_hints(face.func)["return"] is PARTS[part]
            assert face.func.__doc__ is not None


def test_it_is_built_of_the_same() -> None:
    ours, theirs = (inspect.signature(each).parameters for each in (AsyncScheduler, Scheduler))
    assert {name: each.kind for name, each in ours.items() if name != "scheduler_class"} == {
        name: each.kind for name, each in theirs.items()
    }
    assert all(ours[name].default == theirs[name].default for name in theirs)
    assert inspect.signature(AsyncScheduler.acting_as) == inspect.signature(Scheduler.acting_as)
    assert AsyncScheduler.acting_as.__doc__ == Scheduler.acting_as.__doc__


def test_the_hooks_are_those_that_a_dispatcher_honours() -> None:
    assert all(hasattr(Scheduler, name) for name in HOOKS)
