"""What hand-offs came to, as the scripts that make them answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from rq_scheduler.aliases import HandOffKind
from rq_scheduler.store.base import text

Cursor = tuple[bytes, bytes]
"""Due and id of the last entry read, as Redis gave them."""


@dataclass(frozen=True, slots=True)
class HandedOff:
    """One job that has entered its queue."""

    id: str
    due: int
    queue: str


@dataclass(frozen=True, slots=True)
class Took:
    """So many jobs of one kind took less than 2**bucket milliseconds, and no less than half of that (bucket 0: less
    than one): to be handed off, or to run."""

    kind: HandOffKind
    bucket: int
    jobs: int


def late_by(kind: HandOffKind, jobs: Sequence[HandedOff], at: int) -> list[Took]:
    """How late these were, which were handed off at that moment (us)."""
    buckets = Counter(max(0, at - job.due) // 1000 for job in jobs)
    return [Took(kind, ms.bit_length(), number) for ms, number in buckets.items()]


def read_took(reply: Sequence[Any]) -> list[Took]:
    return [
        Took(cast("HandOffKind", text(kind)), int(bucket), int(jobs))
        for kind, bucket, jobs in zip(reply[::3], reply[1::3], reply[2::3], strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Dropped:
    """An entry that was taken out without a run: canceled through RQ, or quarantined with a reason."""

    id: str
    due: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fenced:
    """Something else holds the fence, for so many milliseconds more (-1: without end)."""

    now: int
    holder: str
    ttl_ms: int

    def __str__(self) -> str:
        left = f" for {self.ttl_ms / 1000:.1f} s more" if self.ttl_ms >= 0 else ", and never expires"
        return f"rq:scheduler_lock is held by {self.holder!r}{left}: a 0.14 daemon in its pass, or one that was killed"


class Outcome(StrEnum):
    """What became of a fire that is told."""

    DONE = "done"
    WAITING = "waiting"
    CHECK = "check"
    PAUSED = "paused"
    BROKEN = "broken"
    STALE = "stale"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one fire that did not just hand off its run. `detail`: the job ids to look for, or why it paused.
    `made` are the runs, which are in their queue, or wait for RQ to enqueue them (`via_rq`); `skipped` and `buffered`
    are nominal times, `to_stop` job ids."""

    id: str
    outcome: Outcome
    queue: str = ""
    detail: str = ""
    made: list[HandedOff] = field(default_factory=list[HandedOff])
    skipped: list[int] = field(default_factory=list[int])
    buffered: list[int] = field(default_factory=list[int])
    to_stop: list[str] = field(default_factory=list[str])
    via_rq: bool = False


@dataclass(frozen=True, slots=True)
class Fires:
    """What a call has fired, and the server's time. `queues` says how many of the runs that need no answer entered each
    queue, `handed_off` which, if that was asked for; `answers` tell of the others. `more_is_due`: an instant was armed
    that is due; `left`: a plan that was written does not serve what is due. `late`: how late they were."""

    now: int
    queues: dict[str, int]
    handed_off: list[HandedOff]
    answers: list[Answer]
    more_is_due: bool = False
    left: bool = False
    late: list[Took] = field(default_factory=list[Took])


def read_fires(now: bytes, fired: Sequence[Any], more: bytes = b"0", left: bytes = b"0") -> Fires:
    counts, told, answers, late = fired
    return Fires(
        int(now),
        {text(queue): number for queue, number in zip(counts[::2], counts[1::2], strict=True)},
        [
            HandedOff(text(id), int(due), text(queue))
            for id, due, queue in zip(told[::3], told[1::3], told[2::3], strict=True)
        ],
        [read_answer(row) for row in answers],
        more == b"1",
        left == b"1",
        read_took(late),
    )


def read_answer(row: Sequence[Any]) -> Answer:
    id, outcome, queue, detail, runs, skipped, buffered, to_stop, via_rq = row
    return Answer(
        text(id),
        Outcome(text(outcome)),
        text(queue),
        text(detail),
        [HandedOff(text(job_id), int(due), text(queue)) for job_id, due in zip(runs[::2], runs[1::2], strict=True)],
        [int(nominal) for nominal in skipped],
        [int(nominal) for nominal in buffered],
        [text(job_id) for job_id in to_stop],
        via_rq == b"1",
    )
