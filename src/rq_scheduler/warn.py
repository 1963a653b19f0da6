"""Warnings to the person who wrote the call: once per call site, pointing at their line and not at ours.

Owns where a warning points and how often it is given. Knows nothing of what the warnings say.
"""

from __future__ import annotations

import inspect
import warnings
from types import FrameType

from rq_scheduler.errors import SchedulerWarning

__all__ = ["warn_once"]

_PACKAGE = "rq_scheduler"
_given: set[tuple[str, int, str]] = set()


def warn_once(kind: str, message: str) -> None:
    """Warn with a SchedulerWarning, once for each (file, line, kind) that called into this package.

    `kind` tells apart several warnings of one line. Code that runs the same line a million times (a loop, a web
    view) is told once, whatever the warning filters say.
    """
    level, frame = _caller()
    site = (frame.f_code.co_filename, frame.f_lineno, kind)
    if site in _given:
        return
    warnings.warn(message, SchedulerWarning, stacklevel=level)
    # Only now: where filters turn warnings into errors, the next call has to hear it again.
    _given.add(site)


def _caller() -> tuple[int, FrameType]:
    """The nearest frame outside this package, and its `stacklevel` as seen from warn_once."""
    here = inspect.currentframe()
    assert here is not None  # noqa: S101  CPython and PyPy have frames, and RQ runs on nothing else
    level, frame = 0, here
    while frame.f_back is not None and _ours(frame):
        level, frame = level + 1, frame.f_back
    return level, frame


def _ours(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module == _PACKAGE or module.startswith(f"{_PACKAGE}.")
