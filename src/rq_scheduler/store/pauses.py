"""Pauses that end by themselves, as dispatchers see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rq_scheduler.store.base import moment, score_of, text, whole
from rq_scheduler.store.command import Command, Commands, call, wire
from rq_scheduler.store.operation import operation


@dataclass(frozen=True, slots=True)
class EndedPause:
    """A paused schedule whose pause ended by itself, at `at` (microseconds). `armed` is the field of the record,
    `nominal` the armed time, None when it had finished; `runs` how many it has had."""

    id: str
    rev: str
    spec: bytes
    armed: str
    nominal: int | None
    runs: int
    at: int


class PauseCommands(Commands):
    """Operations on pauses that end by themselves."""

    @operation
    def take_ended_pauses(self, most: int) -> Command[tuple[int, list[EndedPause]]]:
        """The server's time (us), and at most so many paused schedules whose pause has ended. For two seconds nobody
        else is given them."""
        return self._script("take_ended_pauses", self.keys.pause_ends, most, read=_taken)

    @operation
    def put_off_resumption(self, id: str, until: int) -> Command[int]:
        """Has one taken again at that moment (us), and no sooner."""
        return call("ZADD", self.keys.pause_ends, "XX", score_of(until), wire(id), read=int)


def _taken(reply: Sequence[Any]) -> tuple[int, list[EndedPause]]:
    now, *rows = reply
    return int(now), [_ended_pause(*row) for row in rows]


def _ended_pause(id: bytes, rev: bytes, spec: bytes, armed: bytes, runs: bytes, at: bytes) -> EndedPause:
    nominal = moment(armed.partition(b":")[0])
    return EndedPause(text(id), text(rev), spec, text(armed), nominal, whole(runs) or 0, whole(at) or 0)
