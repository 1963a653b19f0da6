"""Warnings to the person who wrote the call: once per call site, pointing at their line and not at ours.

Owns where a warning points and how often it is given. Knows nothing of what the warnings say.
"""

from __future__ import annotations

import inspect
import warnings
from contextvars import ContextVar
from types import FrameType
from typing import Any, NamedTuple

from rq_scheduler.errors import SchedulerWarning

__all__ = ["CALLED_FROM", "Site", "site_of", "warn_once"]

_PACKAGE = "rq_scheduler"
_THREADS = ("concurrent.futures.thread",)
"""Where the stack of a thread begins that does something for somebody else."""

_given: set[tuple[str, int, str]] = set()


class Site(NamedTuple):
    """A line of somebody's code."""

    file: str
    line: int
    module: dict[str, Any]
    """Its globals."""


CALLED_FROM: ContextVar[Site | None] = ContextVar("rq_scheduler_called_from", default=None)
"""Who has called what runs, where the stack does not tell: on an event loop, or in a thread beside it."""


def warn_once(kind: str, message: str) -> None:
    """Warn with a SchedulerWarning, once for each (file, line, kind) that called into this package.

    `kind` tells apart several warnings of one line. Code that runs the same line a million times (a loop, a web
    view) is told once, whatever the warning filters say.
    """
    site = _caller()
    seen = (site.file, site.line, kind)
    if seen in _given:
        return
    given_there = site.module.setdefault("__warningregistry__", {})
    module = str(site.module.get("__name__", "<unknown>"))
    warnings.warn_explicit(message, SchedulerWarning, site.file, site.line, module, given_there)
    # Only now: where filters turn warnings into errors, the next call has to hear it again.
    _given.add(seen)


def site_of(frame: FrameType) -> Site:
    """Where a frame is."""
    return Site(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)


def _caller() -> Site:
    """The nearest line outside this package."""
    here = inspect.currentframe()
    assert here is not None  # noqa: S101  CPython and PyPy have frames, and RQ runs on nothing else
    frame = here
    while frame.f_back is not None and _ours(frame):
        frame = frame.f_back
    called_from = CALLED_FROM.get()
    if called_from is not None and (_ours(frame) or frame.f_globals.get("__name__") in _THREADS):
        return called_from
    return site_of(frame)


def _ours(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module == _PACKAGE or module.startswith(f"{_PACKAGE}.")
