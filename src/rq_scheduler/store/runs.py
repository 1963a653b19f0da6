"""What has become of schedules: their histories, the lists of those that stand so or so, and what did not run.

Reads only, for those who show it. Knows nothing of how it was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rq_scheduler.store.base import MOST, moment, score_of, text
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline
from rq_scheduler.store.history import HistoryLine, read_line
from rq_scheduler.store.operation import operation

__all__ = ["NotRunLine", "RunCommands", "RunLine", "read_not_run"]

_STATES = ("failing", "late", "running", "paused")


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line of history with the ids of its job, and of the run that held up what it skipped (empty where there is
    none), the names of dispatcher and worker, and what RQ says of the job: status, and when it started and ended (RQ's
    texts)."""

    line: HistoryLine
    job_id: str
    held_up_by: str
    dispatcher: str
    worker: str
    status: str
    started_at: str
    ended_at: str


@dataclass(frozen=True, slots=True)
class NotRunLine:
    """An instant of a schedule that made no run that came to its end: `letter` says why, as in the last outcomes.
    `nominal` in microseconds, where that can be read."""

    id: str
    letter: str
    nominal: int | None


class RunCommands(Commands):
    """The reads."""

    @operation
    def read_runs(self, id: str, limit: int) -> Command[tuple[int, str, list[RunLine]]]:
        """The server's time, the kind of the schedule, empty for an unknown one, and its history, newest first."""

        def read(reply: Sequence[Any]) -> tuple[int, str, list[RunLine]]:
            now, ((kind, rows),) = _histories([id], reply)
            return now, kind, rows

        return self._script("read_runs", self.keys.schedules, min(limit, MOST), id, read=read)

    @operation
    def read_many_runs(
        self, ids: Sequence[str], limit: int
    ) -> Command[tuple[int, Sequence[tuple[str, list[RunLine]]]]]:
        """The same of several schedules, in one round trip: 50 of 50 runs each take Redis some milliseconds."""
        read = partial(_histories, ids)
        return self._script("read_runs", self.keys.schedules, min(limit, MOST), *ids, read=read)

    @operation
    def count_states(self) -> Procedure[dict[str, int]]:
        """How many schedules stand in each of the lists "failing", "late", "running" and "paused"."""
        counts = yield from pipeline(call("ZCARD", self.keys.schedules_of(state)) for state in _STATES)
        return {state: count if isinstance(count, int) else 0 for state, count in zip(_STATES, counts, strict=True)}

    @operation
    def not_run(self, since: int, limit: int) -> Command[list[NotRunLine]]:
        """What did not run from this moment on (us; two days are kept), the newest first, so many lines at most."""

        def read(reply: Sequence[bytes]) -> list[NotRunLine]:
            return [read_not_run(line) for line in reply]

        return call("ZREVRANGEBYSCORE", self.keys.not_run, "+inf", score_of(since), "LIMIT", 0, limit, read=read)


def read_not_run(line: bytes) -> NotRunLine:
    """A line of the list of what did not run."""
    rest, _, nominal = text(line).rpartition(" ")
    id, _, letter = rest.rpartition(" ")
    return NotRunLine(id, letter, moment(nominal))


def _histories(ids: Sequence[str], reply: Sequence[Any]) -> tuple[int, list[tuple[str, list[RunLine]]]]:
    now, numbered, *found = reply
    names = {text(number): text(name) for number, name in zip(numbered[::2], numbered[1::2], strict=True)}
    return int(now), [(text(kind), _runs(id, names, rows)) for id, (kind, *rows) in zip(ids, found, strict=True)]


def _runs(id: str, names: Mapping[str, str], rows: Sequence[Any]) -> list[RunLine]:
    lines: list[RunLine] = []
    for packed_line, job_id, *known in rows:
        line = read_line(packed_line)
        if line is not None:
            who = names.get(line.dispatcher, ""), names.get(line.worker, "")
            held_up_by = id + line.held_up_by.removeprefix("=") if line.held_up_by else ""
            lines.append(RunLine(line, text(job_id), held_up_by, *who, *(text(each) for each in known)))
    return lines
