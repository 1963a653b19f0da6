"""`@register`: what is declared in an application's `rq_schedules.py`, kept until a command or a check asks for it.
Nothing is sent on import."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, Unpack

from rq_scheduler.contrib.django.settings import read_settings
from rq_scheduler.errors import InvalidType, kind_of
from rq_scheduler.functions import function_name, is_task
from rq_scheduler.model import Schedule
from rq_scheduler.schedule_options import Options
from rq_scheduler.triggers import AnyTrigger, Cron

__all__ = ["Declaration", "register", "registered"]

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A schedule, and where it is declared."""

    schedule: Schedule
    where: str


# By id, function and declaring module: one that is loaded anew says the same again.
_registered: dict[tuple[str, str, str], Declaration] = {}


def register(id: str, trigger: AnyTrigger | str, **options: Unpack[Options]) -> Callable[[F], F]:
    """On a function or a Task: declare a schedule of it, which `manage.py rqschedules sync` puts.

    A text is a cron string, read in TIME_ZONE; `Cron(...)` itself is in UTC unless it names a zone. The options are
    those of `schedules.put`. Raises InvalidArgument or InvalidType for what cannot be.
    """
    when = Cron(trigger, zone_of_site()) if isinstance(trigger, str) else trigger
    module = _module_of_caller()

    def collect(func: F) -> F:
        called: Any = func
        if not (callable(called) or isinstance(called, str) or is_task(called)):
            raise InvalidType(
                f"id={id!r}: {called!r} is {kind_of(called)}: register a function, a Task, or the dotted name of one"
            )
        name = function_name(called)
        where = name if name.startswith(f"{module}.") else f"{module} ({name})"
        _registered[id, name, module] = Declaration(Schedule(id, when, called, **options), where)
        return func

    return collect


def _module_of_caller() -> str:
    """Of the caller of `register`."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = frame and frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__"))


def registered() -> list[Declaration]:
    """All of them, in the order in which they were declared."""
    return list(_registered.values())


def zone_of_site() -> str:
    """TIME_ZONE; this host's zone where that is None."""
    return read_settings().time_zone
