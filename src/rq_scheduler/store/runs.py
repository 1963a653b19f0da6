"""What has become of schedules: their histories, the lists of those that stand so or so, and what did not run.

Reads only, for those who show it. Knows nothing of how it was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

import msgspec

from rq_scheduler.clock import US
from rq_scheduler.store.base import MOST, flag, moment, score_of, scores, text
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline
from rq_scheduler.store.history import HistoryLine, read_line
from rq_scheduler.store.operation import operation

__all__ = ["NotRunLine", "RunCommands", "RunLine", "read_not_run"]

_NOT_RUN: Final = re.compile(r"(.*) (\w) (\d+)(?: (\d+) (\d{1,15})(\+?))?", re.ASCII | re.DOTALL)

_STATES = ("failing", "late", "running", "paused")

_LOOKED_AT = 1_000
"""Lines among which one script looks for those of a schedule: a millisecond of Redis."""

_READ = 1_000
"""Lines that one script reads with what RQ knows of their jobs."""


class RunLine(msgspec.Struct, frozen=True, gc=False):
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


class NotRunLine(msgspec.Struct, frozen=True, gc=False):
    """An instant of a schedule, or a stretch of them, that made no run that came to its end: `letter` says why, as in
    the last outcomes. nominal, until: the first and the last, in microseconds, where that can be read; count: how many
    they are, or more if `at_least`. at: when that was written last (us)."""

    id: str
    letter: str
    nominal: int | None
    until: int | None = None
    count: int = 1
    at_least: bool = False
    at: int | None = None


class RunCommands(Commands):
    """The reads."""

    @operation
    def read_runs(self, id: str, limit: int) -> Command[tuple[int, str, list[RunLine]]]:
        """The server's time, the kind of the schedule, empty for an unknown one, and its history, newest first."""

        def read(reply: Sequence[Any]) -> tuple[int, str, list[RunLine]]:
            now, ((kind, rows),) = _histories([id], reply)
            return now, kind, rows

        return self._script("read_runs", self.keys.schedules, min(limit, MOST), flag(True), id, read=read)

    @operation
    def read_many_runs(
        self, ids: Sequence[str], limit: int, *, ended_jobs: bool = True
    ) -> Procedure[tuple[int, Sequence[tuple[str, list[RunLine]]]]]:
        """The same of several schedules, with the time at which the first were read; a round trip for each 1,000 lines,
        which take Redis some milliseconds: a half of that without `ended_jobs`, where nothing is said of the jobs of
        runs that are known to have ended."""
        limit = min(limit, MOST)
        together = max(1, _READ // max(limit, 1))
        now, histories = 0, list[tuple[str, list[RunLine]]]()
        for first in range(0, max(len(ids), 1), together):
            part = ids[first : first + together]
            sent = limit, flag(ended_jobs), *part
            at, found = yield from self._script("read_runs", self.keys.schedules, *sent, read=partial(_histories, part))
            now, histories = now or at, histories + found
        return now, histories

    @operation
    def count_states(self) -> Procedure[dict[str, int]]:
        """How many schedules stand in each of the lists "failing", "late", "running" and "paused"."""
        counts = yield from pipeline(call("ZCARD", self.keys.schedules_of(state)) for state in _STATES)
        return {state: count if isinstance(count, int) else 0 for state, count in zip(_STATES, counts, strict=True)}

    @operation
    def not_run(self, since: int, limit: int) -> Command[list[NotRunLine]]:
        """What did not run from this moment on (us; two days are kept), the newest first, so many lines at most."""

        bounds = "+inf", score_of(since)
        return call("ZREVRANGEBYSCORE", self.keys.not_run, *bounds, "WITHSCORES", "LIMIT", 0, limit, read=_not_run)

    @operation
    def find_not_run(self, id: str, since: int, most: int) -> Procedure[list[NotRunLine]]:
        """The same of one schedule, among the newest `most` lines, a part of them a round trip."""
        found = dict[str, float]()  # what is written meanwhile moves the others on: a line may be seen twice
        for first in range(0, most, _LOOKED_AT):
            size = min(_LOOKED_AT, most - first)
            count, *lines = yield from self._script("find_not_run", self.keys.not_run, id, score_of(since), first, size)
            found |= scores(lines)
            if int(count) < size:
                break
        return [read_not_run(line, score) for line, score in found.items()]


def _not_run(reply: Any) -> list[NotRunLine]:
    return [read_not_run(line, score) for line, score in scores(reply).items()]


# Pages that are asked for again and again read the same lines.
@lru_cache(4096)
def read_not_run(line: bytes | str, score: float | None = None) -> NotRunLine:
    """A line of the list of what did not run. A stretch that was skipped lasts until it was written last."""
    at = None if score is None else round(score * US)
    found = _NOT_RUN.fullmatch(line if isinstance(line, str) else text(line))
    if found is None:
        return NotRunLine("", "", None)
    id, letter, first, last, count, more = found.groups()
    nominal = moment(first)
    if last is not None:
        return NotRunLine(id, letter, nominal, moment(last), int(count), bool(more), at)
    if letter == "k" and at is not None and nominal is not None:
        return NotRunLine(id, letter, nominal, max(at, nominal), 1, at_least=True, at=at)
    return NotRunLine(id, letter, nominal, nominal, at=at)


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
