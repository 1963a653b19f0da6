"""Work that would block an event loop: reading files, importing an application's modules, its own hooks.

Owns the one place where that is handed over: synchronous code has it done at once, and where it runs on an event loop
(`greenlets`), a thread does it meanwhile. Knows no loop.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["ELSEWHERE", "aside"]

P = ParamSpec("P")
T = TypeVar("T")

ELSEWHERE: ContextVar[Callable[..., Any] | None] = ContextVar("rq_scheduler_elsewhere", default=None)
"""What calls a function in a thread and waits for it; None where whoever calls may be blocked."""


def aside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function returns, or raises, wherever it runs."""
    elsewhere = ELSEWHERE.get()
    return function(*args, **kwargs) if elsewhere is None else cast("T", elsewhere(function, *args, **kwargs))
