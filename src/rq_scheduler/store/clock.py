"""The time: the server's, or the one that a test sets (`rq_scheduler.testing`) in a hash, which the include
`manual_clock` reads where all others ask the server.

Nothing else of the package writes that hash, and only a store that was told to goes by it.
"""

from __future__ import annotations

from rq_scheduler.store.command import Command, Commands, call
from rq_scheduler.store.executor import Executor
from rq_scheduler.store.operation import operation

MANUAL_CLOCK = "manual_clock"
"""`Executor.clock` of a store that goes by the time set here."""

_US = 1_000_000


class ClockCommands(Commands):
    """The operation that asks for it."""

    @operation
    def server_time(self) -> Command[int]:
        """The clock that decides what is due, in microseconds: on a cluster, that of the node with our keys."""
        return self._script("read_clock", self.keys.scheduled_jobs, read=lambda reply: int(reply[0]))


class ManualTime(Executor):
    """The hash, under one key prefix."""

    def set(self, us: int) -> None:
        """Sets the time, in microseconds since the epoch."""
        seconds, microseconds = divmod(us, _US)
        self.run(call("HSET", self.keys.clock, "seconds", seconds, "microseconds", microseconds, read=int))

    def remove(self) -> None:
        """Takes the clock away; a store that still goes by it is refused by its scripts."""
        self.run(call("DEL", self.keys.clock, read=int))
