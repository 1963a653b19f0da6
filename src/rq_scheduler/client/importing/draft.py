"""What a reader makes of one entry of another scheduler, before it is a schedule of ours. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from rq_scheduler.clock import to_us
from rq_scheduler.errors import SchedulerError
from rq_scheduler.triggers import AnyTrigger

__all__ = ["Draft", "Instants", "NotCarried", "between", "drafted"]

Instants: TypeAlias = Callable[[int], int | None]
"""The first instant strictly after a moment, by the other scheduler's own rules; None when none is left. Microseconds
since the epoch."""


class NotCarried(Exception):  # noqa: N818  it says what became of an entry; nobody but the readers sees it
    """There is no schedule for this entry, and why: a clause that a person reads."""


@dataclass(slots=True)
class Draft:
    """One entry, as far as it is read.

    name, when, task: what it is called there, its trigger in that scheduler's words, and what it runs. trigger,
    options: ours. lost: what of it is left behind, and why; notes: what is good to know though nothing is lost.
    instants: when it runs there, less what `start` and `end` among the options cut off. zone: the clock that it goes
    by, if it does. enabled: whether it is active there. refused: why it is not carried over, if it is not. shell: the
    task is a command line, which workers cannot call.
    """

    name: str
    when: str = ""
    task: str = ""
    trigger: AnyTrigger | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    lost: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    instants: Instants | None = None
    zone: str | None = None
    enabled: bool = True
    refused: str = ""
    shell: bool = False


def between(instants: Instants, start: datetime | None, end: datetime | None) -> Instants:
    """Those of them from `start` on, and before `end`."""
    first = None if start is None else to_us(start) - 1
    last = None if end is None else to_us(end)

    def after(us: int) -> int | None:
        at = instants(us if first is None else max(us, first))
        return None if at is None or (last is not None and at >= last) else at

    return after


def drafted(name: str, fill: Callable[[Draft], None]) -> Draft:
    """The draft that `fill` makes. Whatever is wrong with an entry concerns that entry alone."""
    draft = Draft(name)
    try:
        fill(draft)
    except (NotCarried, SchedulerError) as why:
        draft.refused = str(why)
    except Exception as error:  # noqa: BLE001  anybody may have written it, and anything may be in it
        draft.refused = f"it cannot be read: {type(error).__name__}: {str(error)[:200]}"
    return draft
