"""`AsyncScheduler.schedules`: each method of `Schedules`, awaited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, Unpack, cast, overload

from rq_scheduler.aio.awaited import awaited, listed, told
from rq_scheduler.aio.parts import Collection
from rq_scheduler.aliases import Function
from rq_scheduler.client.schedules import Schedules, StoredSchedule
from rq_scheduler.model import Schedule
from rq_scheduler.schedule_options import Options
from rq_scheduler.triggers import AnyTrigger

__all__ = ["AsyncSchedules"]

D = TypeVar("D")
F = TypeVar("F", bound=Callable[..., Any])


class AsyncSchedules(Collection):
    """`Schedules`, awaited: `await contains(id)` for `id in schedules`, `await length()` for `len(schedules)`, `await
    schedules[id]`, and `async for`."""

    # Defining

    put: _Put = cast("_Put", awaited(Schedules.put))
    register: _Register = cast("_Register", told(Schedules.register))
    sync = awaited(Schedules.sync, through="definitions")
    update = awaited(Schedules.update)
    change_timezone = awaited(Schedules.change_timezone)
    undo = awaited(Schedules.undo)

    # Reading

    versions = awaited(Schedules.versions)
    called = awaited(Schedules.called)
    __getitem__ = awaited(Schedules.__getitem__)
    get: _Get = cast("_Get", awaited(Schedules.get))
    read = awaited(Schedules.read)
    contains = awaited(Schedules.__contains__)
    length = awaited(Schedules.__len__)
    __aiter__ = listed(Schedules.__iter__)
    find = awaited(Schedules.find)
    find_iter = listed(Schedules.find_iter)
    upcoming = awaited(Schedules.upcoming)
    runs = awaited(Schedules.runs)
    runs_of = awaited(Schedules.runs_of)
    explain = awaited(Schedules.explain, in_thread=True)

    # One at a time

    pause = awaited(Schedules.pause)
    resume = awaited(Schedules.resume)
    run_now = awaited(Schedules.run_now)
    backfill = awaited(Schedules.backfill, in_thread=True)
    delete = awaited(Schedules.delete)

    # Many

    pause_all = awaited(Schedules.pause_all)
    resume_all = awaited(Schedules.resume_all)
    run_all_now = awaited(Schedules.run_all_now)
    delete_all = awaited(Schedules.delete_all)
    count = awaited(Schedules.count)
    left_out = awaited(Schedules.left_out, in_thread=True)
    backfill_left_out = awaited(Schedules.backfill_left_out, in_thread=True)

    # What lies ahead

    clock_changes = awaited(Schedules.clock_changes, in_thread=True)
    touched_by_clocks = listed(Schedules.touched_by_clocks, in_thread=True)
    load = awaited(Schedules.load, in_thread=True)


# Of a method that may be called in several ways, a type checker hands on the first alone.


class _Put(Protocol):
    @overload
    async def __call__(self, id: Schedule, /, *, version: int | None = None) -> StoredSchedule: ...
    @overload
    async def __call__(
        self, id: str, trigger: AnyTrigger, func: Function, *, version: int | None = None, **options: Unpack[Options]
    ) -> StoredSchedule: ...


class _Get(Protocol):
    @overload
    async def __call__(self, id: str, default: None = None) -> StoredSchedule | None: ...
    @overload
    async def __call__(self, id: str, default: D) -> StoredSchedule | D: ...


class _Register(Protocol):
    def __call__(self, id: str, trigger: AnyTrigger, **options: Unpack[Options]) -> Callable[[F], F]: ...
