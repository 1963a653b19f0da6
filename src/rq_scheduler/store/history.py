"""The packed lines of a schedule's history: what each says, written and read in one place.

Two forms, in microseconds since the epoch: ``<outcome> <nominal> <due> <at> <job id>`` for an instant that was looked
at, and ``missed <first> <last> <count, with + for at least> <at>`` for a stretch of instants that got no run.
The scripts that fire write the first form (`history.lua`), and end the second with the moment at which they do.
"""

from __future__ import annotations

from dataclasses import dataclass

from rq_scheduler.planning import Missed
from rq_scheduler.store.base import moment, whole

LENGTH = 50
"""Lines kept for one schedule."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """What became of one nominal time; `until` is another than `nominal` for a stretch of missed ones, of which there
    were `count` (or more, when `at_least`). `at` is when the line was written. Without a run there is no `job_id`."""

    outcome: str
    nominal: int
    until: int
    at: int
    due: int
    job_id: str = ""
    count: int = 1
    at_least: bool = False


def missed_part(missed: Missed) -> str:
    """The line of a missed stretch, but for the moment at which it is written."""
    return f"missed {missed.first} {missed.last} {missed.count}{'+' if missed.at_least else ''}"


def enqueued_line(id: str, nominal: int, due: int, at: int) -> str:
    """The line of a run that was handed off."""
    return f"enqueued {nominal} {due} {at} {id}"


def read_line(line: bytes) -> HistoryLine | None:
    """A line from Redis; None for one that is none of ours, which must not hide the others."""
    outcome, *words = line.decode(errors="replace").split(" ")
    if len(words) != 4:
        return None
    first, second, third, last = words
    nominal, other = moment(first), moment(second)
    count, more, _ = third.partition("+")
    at, number = (moment(last), whole(count)) if outcome == "missed" else (moment(third), 1)
    if nominal is None or other is None or at is None or number is None:
        return None
    if outcome == "missed":
        return HistoryLine(outcome, nominal, other, at, nominal, "", number, bool(more))
    return HistoryLine(outcome, nominal, nominal, at, other, last)
