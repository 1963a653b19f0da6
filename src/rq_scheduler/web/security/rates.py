"""How often one client may ask: a bucket each, in this process, of a bounded number of clients."""

from __future__ import annotations

import math
from collections import OrderedDict
from threading import Lock

from rq_scheduler.clock import Clock, SystemClock

__all__ = ["MAX_CLIENTS", "Rates"]

MAX_CLIENTS = 10_000
"""Clients that are remembered; the one not seen for longest is forgotten."""


class Rates:
    """`burst` at once, `per_second` in the long run."""

    def __init__(self, per_second: float, burst: int, clock: Clock | None = None) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock or SystemClock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, client: str, cost: float = 1.0, least: float = 0.0) -> int:
        """Takes `cost` from the client's bucket; 0 where that (and `least`) was in it, else the whole seconds until it
        is, and nothing is taken."""
        with self._lock:
            left, now = self._left(client)
            if left < max(cost, least):
                return max(1, math.ceil((max(cost, least) - left) / self._per_second))
            self._buckets[client] = left - cost, now
            self._buckets.move_to_end(client)
            while len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
            return 0

    def _left(self, client: str) -> tuple[float, float]:
        now = self._clock.monotonic()
        left, at = self._buckets.get(client, (float(self._burst), now))
        return min(float(self._burst), left + (now - at) * self._per_second), now
