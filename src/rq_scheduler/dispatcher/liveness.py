"""Whether a dispatcher is alive, and whether it serves: what probes ask. Knows no Redis, and judges by monotonic time.

A Redis that is away, or hangs, is no reason to end a dispatcher: all of them would be ended at once.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Literal

__all__ = ["LONGEST_TURN", "Liveness"]

LONGEST_TURN = 30.0
"""Seconds within which the loop has to turn, and a dispatcher that serves to have made a pass."""

State = Literal["starting", "serving", "fenced", "redis_lost", "stopped"]

_WORDS: dict[State, str] = {
    "starting": "it has not begun to serve: it waits for Redis, or for its name",
    "serving": "it serves",
    "fenced": "it waits for the lock of rq-scheduler 0.14 (rq:scheduler_lock)",
    "redis_lost": "Redis cannot be used, and it tries again",
    "stopped": "it has left",
}


class Liveness:
    """Written by the dispatcher's thread alone; others read it."""

    def __init__(self) -> None:
        self._timeout = 0.0
        self._calling_since: Callable[[], float | None] = lambda: None
        self._state: State = "starting"
        self._turned_at = self._served_at = monotonic()

    def watch(self, calling_since: Callable[[], float | None], timeout: float) -> None:
        """Has it know since when a call of Redis has been waited for, if one is, and the seconds that one may take."""
        self._calling_since, self._timeout = calling_since, timeout

    def turn(self) -> None:
        """The loop goes on."""
        self._turned_at = monotonic()

    def become(self, state: State) -> None:
        """What it does from now on; said again where that goes on."""
        self._state = state
        if state == "serving":
            self._served_at = monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether the loop has turned lately, or waits in a call of Redis that is younger than twice its timeout."""
        now, since = monotonic(), self._calling_since()
        return now - self._turned_at < LONGEST_TURN or (since is not None and now - since < 2 * self._timeout)

    @property
    def is_ready(self) -> bool:
        """Whether it hands off what is due."""
        return self.is_alive and self._state == "serving" and monotonic() - self._served_at < LONGEST_TURN

    @property
    def sentence(self) -> str:
        """How it is, in words."""
        if not self.is_alive:
            return f"the loop has not turned for {monotonic() - self._turned_at:.0f} s"
        if self._state == "serving" and not self.is_ready:
            return f"Redis has not answered for {monotonic() - self._served_at:.0f} s"
        return _WORDS[self._state]
