"""The time that a test sets (`rq_scheduler.testing`): one hash, which the include `manual_clock` reads where all others
ask the server.

Nothing else of the package writes it, and only a store that was told to goes by it.
"""

from __future__ import annotations

from rq_scheduler.store.base import Operations

MANUAL_CLOCK = "manual_clock"
"""`Operations.clock` of a store that goes by the time set here."""

_US = 1_000_000


class ManualTime(Operations):
    """The hash, under one key prefix."""

    def set(self, us: int) -> None:
        """Sets the time, in microseconds since the epoch."""
        seconds, microseconds = divmod(us, _US)
        self.connection.hset(self.keys.clock, mapping={"seconds": seconds, "microseconds": microseconds})

    def remove(self) -> None:
        """Takes the clock away; a store that still goes by it is refused by its scripts."""
        self.connection.delete(self.keys.clock)
