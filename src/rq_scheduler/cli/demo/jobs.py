"""What the demo's workers run. Each job prints a line as it begins and one as it ends: the account counts by these, and
they owe nothing to Redis.
"""

from __future__ import annotations

import json
import os
import time

from rq import get_current_job

from rq_scheduler import current_run
from rq_scheduler.clock import to_us

__all__ = ["FailsOnPurposeError", "fail", "greet", "slow"]


class FailsOnPurposeError(Exception):
    """What the failing job raises."""


def greet() -> None:
    _say("running")
    _say("ran")


def slow(seconds: float) -> None:
    _say("running")
    time.sleep(seconds)
    _say("ran")


def fail() -> None:
    _say("running")
    _say("failed on purpose")
    raise FailsOnPurposeError("this job fails on purpose")


def _say(state: str) -> None:
    job, run = get_current_job(), current_run()
    if job is None or job.enqueued_at is None:
        raise RuntimeError("the demo's jobs are for workers to run")
    line = {
        "state": state,
        "id": job.id,
        "schedule": run and run.schedule_id,
        "due": run and to_us(run.nominal),
        "handed_off": to_us(job.enqueued_at),  # which the hand-off wrote, by the clock of Redis
    }
    os.write(1, f"{json.dumps(line)}\n".encode())  # one write: no other line gets in between
