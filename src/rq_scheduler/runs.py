"""The identity of a run: the job id that says which schedule, which nominal time and what kind of run it is.

An id is its own idempotency key: two attempts to make one run make the same job. Knows no Redis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from rq import get_current_job

from rq_scheduler.aliases import RunKind
from rq_scheduler.clock import from_us

__all__ = ["CurrentRun", "current_run", "parse_run_id", "run_ending", "run_id"]

_RUN = re.compile(r"(?P<schedule>[A-Za-z0-9_-]+)-(?P<nominal>\d{8}T\d{12})Z(?P<suffix>-m\d+|-b)?")


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """What the running function is a run of. `nominal` is the time that the trigger named, aware UTC: not when the job
    entered its queue, nor when it started. For a manual run it is when it was asked for."""

    schedule_id: str
    nominal: datetime
    kind: RunKind


def current_run() -> CurrentRun | None:
    """Inside a run of a schedule: which one, for which nominal time, and of which kind. None elsewhere, also in the
    jobs of `enqueue_at`, `schedule` and `cron`."""
    job = get_current_job()
    return None if job is None else parse_run_id(job.id)


def run_id(schedule_id: str, nominal: int, suffix: str = "") -> str:
    """The job id of a run: the schedule's id and the nominal time (microseconds) in UTC. `suffix` is "m" and a number
    for a manual run, "b" for a backfilled one."""
    return schedule_id + run_ending(nominal, suffix)


@lru_cache(4096)
def run_ending(nominal: int, suffix: str = "") -> str:
    """What comes behind the schedule's id in the job id of a run."""
    moment = from_us(nominal)
    # Not strftime: it writes years before 1000 without their zeros.
    stamp = f"-{moment.year:04d}{moment:%m%dT%H%M%S%f}Z"
    return f"{stamp}-{suffix}" if suffix else stamp


def parse_run_id(job_id: str) -> CurrentRun | None:
    """What a job id says of its run; None for the id of any other job."""
    found = _RUN.fullmatch(job_id)
    if found is None:
        return None
    try:
        nominal = datetime.strptime(found["nominal"], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None
    suffix = found["suffix"] or ""
    kind: RunKind = "manual" if suffix.startswith("-m") else "backfill" if suffix else "scheduled"
    return CurrentRun(found["schedule"], nominal, kind)
