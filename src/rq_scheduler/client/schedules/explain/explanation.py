"""What is answered to "why did it (not) run?": one sentence, the facts behind it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

__all__ = ["Cause", "Explanation", "Fact", "Remedy", "Standing", "Step"]

Cause: TypeAlias = Literal[
    "deleted_schedule",
    "not_made",
    "not_an_instant",
    "before_start",
    "after_end",
    "max_runs",
    "excluded",
    "moved",
    "not_yet",
    "paused",
    "missed",
    "not_handed_off",
    "quarantined",
    "skipped",
    "buffered",
    "parked",
    "deferred",
    "retrying",
    "rate_limited",
    "suspended",
    "no_worker",
    "queued",
    "running",
    "finished",
    "failed",
    "stopped",
    "canceled",
    "expired",
    "deleted",
    "lost",
    "not_recorded",
]
"""What decided. "not_recorded": no record reaches it."""

Step: TypeAlias = Literal[
    "definition", "trigger", "exclusion", "pause", "dispatcher", "overlap", "hand_off", "worker", "end"
]
"""Which of the things that have to hold, in this order, for a run to come to its end."""

Standing: TypeAlias = Literal["recorded", "recomputed", "unknown"]
"""How a fact is known: somebody wrote it down, it follows from today's rules and data, or no record reaches it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One link of the chain. what: a sentence without its full stop. holds: whether the run got past it; None where
    that is open, or not known. at: when, aware UTC; who: by whom; None and empty where that says nothing."""

    step: Step
    what: str
    holds: bool | None = True
    at: datetime | None = None
    who: str = ""
    standing: Standing = "recorded"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What can be done: in words, as a command line, and as a call in Python; empty where there is none."""

    what: str
    command: str = ""
    call: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why something ran, or did not.

    id: of the schedule, or of the job that was asked about. at: the nominal time that is explained (of a one-off: when
    it is or was due), aware UTC; None where there is none. cause: the first thing that decided. sentence: all in one
    sentence. otherwise: what would have kept it from running besides; empty where nothing else is known. facts: what
    was looked at, in order, up to the one that decided. remedies: what can be done, the likeliest first. timezone: the
    zone whose clock the sentences tell (the schedule's).
    """

    id: str
    at: datetime | None
    cause: Cause
    sentence: str
    otherwise: str
    facts: tuple[Fact, ...]
    remedies: tuple[Remedy, ...]
    timezone: str
