"""What is shown of pending jobs, to programs and to people: pure functions from the API's objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

from rq_scheduler.client.pending import PendingJob
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.humanize import counted, distance, moment, when
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Column, Part, Table

__all__ = ["NO_TRACEBACK", "facts", "histogram", "serialize", "table", "verdict"]

NO_TRACEBACK = "RQ has no traceback of {!r}: it did not fail last, or RQ keeps it no longer (failure_ttl)"
"""To be formatted with the id of a job."""

BAR = 30
"""Characters of the longest bar."""


def serialize(job: PendingJob) -> dict[str, Any]:
    """A pending job."""
    return {
        "id": job.id,
        "due": iso(job.due),
        "call": job.call,
        "queue_name": job.queue_name,
        "recurs": job.recurs,
        "created_at": iso(job.created_at),
    }


def table(page: Sequence[PendingJob], now: datetime, zone: tzinfo, *, more: bool) -> Iterator[Part]:
    """A page of pending jobs, and how to come to the next one."""
    if not page:
        yield "No pending jobs."
        return
    columns = (Column("DUE"), Column("IN", right=True), Column("JOB"), Column("QUEUE", spare=1),
               Column("CALL", cut=True, spare=2))  # fmt: skip
    rows = [
        (moment(job.due, zone), distance(job.due, now).removeprefix("in "), job.id, job.queue_name, _call(job))
        for job in page
    ]
    yield Table(columns, list(rows))
    if more:
        yield f"{len(page):,} shown; there are more: --after {page[-1].id}"


def facts(job: PendingJob, now: datetime, zone: tzinfo) -> Iterator[Part]:
    """All about one pending job."""
    rows = [("id", job.id), ("due", when(job.due, now, zone)), ("call", job.call), ("queue", job.queue_name)]
    if job.recurs:
        rows.append(("kind", "recurring job of Scheduler.schedule() or cron(): rqscheduler show has its history"))
    created = None if job.created_at is None else job.created_at.replace(microsecond=0)
    rows.append(("created", when(created, now, zone)))
    yield Table((Column(""), Column("", cut=True)), list(rows))


def histogram(counts: Sequence[tuple[datetime, int]], zone: tzinfo) -> Iterator[Part]:
    """How many are due when, as bars; times with nothing are left out."""
    most = max((count for _, count in counts), default=0)
    if not most:
        yield "None is due in that time."
        return
    rows = [(moment(at, zone), f"{count:,}", "#" * max(1, round(BAR * count / most))) for at, count in counts if count]
    yield Table((Column("FROM"), Column("JOBS", right=True), Column("", spare=1)), list(rows))


def verdict(total: int, counts: Sequence[tuple[datetime, int]], times: Times) -> tuple[str, str]:
    """How many wait, in a sentence without its full stop, and more of it. `counts`: by quarters of 24 hours."""
    if not total:
        return "No one-off job waits for its time", "Scheduler.enqueue_at and enqueue_in make them."
    said = counted(total, "one-off job waits for its time", "one-off jobs wait for their time")
    day = sum(count for _, count in counts)
    if not day:
        return said, "None is due within 24 hours."
    hour = sum(count for _, count in counts[:4])
    at, most = max(counts, key=lambda pair: pair[1])
    peak = f"the most in a quarter of an hour are {most:,}, from {times.short(at)} on"
    return said, f"{counted(hour, 'is', 'are')} due within the hour, {day:,} within 24 hours; {peak}."


def _call(job: PendingJob) -> str:
    return f"{job.call} (recurs)" if job.recurs else job.call
