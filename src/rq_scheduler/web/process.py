"""What a process does that serves nothing but these pages. One that serves another application, too, decides itself."""

from __future__ import annotations

import gc
import sys

__all__ = ["serve_alone"]

SWITCH = 0.001
"""Seconds after which a thread that works something out lets one go on that answers a request. Python's own 5 ms would
be waited for after each reply of Redis: a fifth of a second for a page."""


def serve_alone() -> None:
    """To be called when the application is made."""
    sys.setswitchinterval(SWITCH)
    # What is there by now stays: no request has to go through it again in search of garbage.
    gc.collect()
    gc.freeze()
