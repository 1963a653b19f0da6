"""What the fields of a schedule's record say. Anybody may have written them: one that cannot be read says nothing, and
does not hide the others."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TypedDict

import msgspec

from rq_scheduler.clock import from_us
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.store.base import moment, whole
from rq_scheduler.store.schedules import Stored

__all__ = ["counts_of", "is_paused", "mean_duration_of", "moment_of", "runs_left_of", "spec_of", "tags_of"]


def spec_of(stored: Stored) -> Spec | None:
    """When it fires; None when a newer version of this package wrote that, or it is damaged: one that cannot be read
    does not hide the others."""
    try:
        return decode_spec(stored.fields.get("spec", b""))
    except (msgspec.DecodeError, SchedulerError):
        return None


def is_paused(stored: Stored) -> bool:
    """Whether it is on hold."""
    return stored.text("paused") == "1"


def runs_left_of(stored: Stored, spec: Spec | None) -> int | None:
    """How many runs it may still have; None for any number."""
    if stored.kind == "job":
        left = whole(stored.text("repeat"))
    else:
        left = None if spec is None or spec.max_runs is None else max(0, spec.max_runs - stored.number("runs"))
    return left if left is not None and 0 <= left <= sys.maxsize else None


def mean_duration_of(stored: Stored) -> timedelta | None:
    """How long its last successful runs took, on average."""
    return _length(_ends(stored)[6])


def tags_of(stored: Stored) -> tuple[str, ...]:
    """Its tags."""
    return tuple(filter(None, stored.text("tags").split("\n")))


class Counts(TypedDict):
    """How its runs have ended, as `StoredSchedule` has it."""

    succeeded: int
    failed: int
    failed_in_a_row: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    mean_duration: timedelta | None
    last_outcomes: str


def counts_of(stored: Stored) -> Counts:
    """How its runs have ended (`lua/include/tally.lua`)."""
    succeeded, failed, in_a_row, _, last_success, last_failure, mean, outcomes = _ends(stored)
    return {
        "succeeded": whole(succeeded) or 0,
        "failed": whole(failed) or 0,
        "failed_in_a_row": whole(in_a_row) or 0,
        "last_success_at": moment_of(moment(last_success)),
        "last_failure_at": moment_of(moment(last_failure)),
        "mean_duration": _length(mean),
        "last_outcomes": "" if outcomes == "-" else outcomes,
    }


def moment_of(us: int | None) -> datetime | None:
    """Aware UTC."""
    return None if us is None else from_us(us)


def _ends(stored: Stored) -> list[str]:
    words = stored.text("ends").split(" ")
    return words if len(words) == 8 else [""] * 8


def _length(us: str) -> timedelta | None:
    found = whole(us)
    return None if found is None else timedelta(microseconds=found)
