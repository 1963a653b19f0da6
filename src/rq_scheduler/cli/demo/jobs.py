"""The functions that the demo's workers run, and the log they leave: one line as a run begins, one as it ends.

The log is the witness of the account, so it owes nothing to Redis: a file, opened for appending, one write a line.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rq import get_current_job

from rq_scheduler.clock import SystemClock, to_us

__all__ = ["LOG_VARIABLE", "FailsOnPurposeError", "LogReader", "Run", "end_of_runs", "fail", "greet", "slow"]

LOG_VARIABLE = "RQ_SCHEDULER_DEMO_LOG"


class FailsOnPurposeError(Exception):
    """What the failing job raises."""


@dataclass(frozen=True, slots=True)
class Run:
    """One line of the workers' log. `handed_off` is the job's own `enqueued_at`, which the hand-off wrote by the clock
    of Redis; all in microseconds."""

    id: str
    handed_off: int
    at: int
    worker: str
    event: str  # "began", "ended" or "raised"


def greet() -> None:
    """An ordinary short job."""
    _note("began")
    _note("ended")


def slow(seconds: float) -> None:
    """Longer than its own interval, so that the next run finds it still going."""
    _note("began")
    time.sleep(seconds)
    _note("ended")


def fail() -> None:
    """Raises, on purpose."""
    _note("began")
    _note("raised")
    raise FailsOnPurposeError("this job fails on purpose")


def _note(event: str) -> None:
    job = get_current_job()
    if job is None or job.enqueued_at is None:
        raise RuntimeError("the demo's jobs are for workers to run")
    line = {
        "id": job.id,
        "handed_off": to_us(job.enqueued_at),
        "at": SystemClock().now_us(),
        "worker": job.worker_name or "",
        "event": event,
    }
    descriptor = os.open(os.environ[LOG_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


class LogReader:
    """Reads what has been appended since it was last asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def new(self) -> Iterator[Run]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            block = file.read()
        self._offset += len(block)
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            fields: dict[str, Any] = json.loads(line)
            yield Run(**fields)


def end_of_runs(events: list[Run]) -> list[Run]:
    """The runs that began: the lines that the account counts."""
    return [event for event in events if event.event == "began"]
