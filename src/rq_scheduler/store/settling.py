"""Following runs to their end: looks at those that are open, and what went wrong in those that failed.

Each look and each end is one atomic script; what Lua cannot read, `rq_scheduler.dispatcher.follower` brings to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rq_scheduler.store.base import text, us_of
from rq_scheduler.store.command import Command, Commands, wire
from rq_scheduler.store.operation import operation
from rq_scheduler.store.outcomes import Took, read_took

SHORT_ERROR = 60
"""Bytes that the history keeps of the errors of all but the last failures of a schedule."""


@dataclass(frozen=True, slots=True)
class UnreadError:
    """A failed run whose exception is to be read: `run` as it stands among the open ones, the exception as RQ's results
    have it (zlib in base64, cut where it is long), empty where there is none."""

    run: str
    exception: bytes


@dataclass(frozen=True, slots=True)
class RunError:
    """What went wrong in a run: the last line of its exception, where that was raised ("module:line"), and a word for
    the cause where it was no exception of the function; each may be empty."""

    run: str
    cause: str = ""
    place: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a call has found: how many runs it settled, the schedules that were paused (id, note), those that are
    overdue since, the errors that are to be read, and when the next look is due (us). `durations`: how long those took
    that it settled, where that is known."""

    now: int
    next_look: int | None
    settled: int
    paused: list[tuple[str, str]]
    overdue: list[str]
    unread: list[UnreadError]
    durations: list[Took]


class SettlingCommands(Commands):
    """Operations on runs that have been handed off."""

    @operation
    def settle_runs(self, most: int) -> Command[Looks]:
        """Looks at so many open runs whose look is due, and settles those that have ended."""
        return self._script("settle_runs", self.keys.due_schedules, most, read=_looks)

    @operation
    def note_errors(self, errors: Sequence[RunError]) -> Command[int]:
        """Writes what went wrong into the histories; returns into how many lines."""
        fields = [
            each
            for error in errors
            for each in (wire(error.run), error.cause or "-", error.place or "-", error.message, SHORT_ERROR)
        ]
        return self._script("note_errors", self.keys.schedules, *fields, read=lambda reply: int(reply[0]))


def _looks(reply: Sequence[Any]) -> Looks:
    now, next_look, settled, paused, overdue, unread, durations = reply
    return Looks(
        int(now),
        us_of(next_look) if next_look else None,
        int(settled),
        [(text(id), text(note)) for id, note in zip(paused[::2], paused[1::2], strict=True)],
        [text(id) for id in overdue],
        [UnreadError(text(run), exception) for run, exception in zip(unread[::2], unread[1::2], strict=True)],
        read_took(durations),
    )
