"""The run before the one that is due: is it still in its queue (the liveness check), and asking it to make way
(`overlap="replace"`). For dispatchers, and for a client's `run_now`.

Knows RQ's own ways of ending a job, and nothing of what a schedule makes of the answer.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import redis.exceptions
import rq.command
from rq.job import Job, JobStatus

from rq_scheduler.dispatcher.events import Events
from rq_scheduler.jobs import JobCreator
from rq_scheduler.store import Store, StoredJob
from rq_scheduler.store.base import text

__all__ = ["end_run", "look_for", "stop_run"]


MADE_WAY = 3600
"""Seconds for which a run that was canceled for another is kept at most, so that a person can look at it: a schedule
may make one a second for as long as no worker is up."""

_OVER = (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED, None)
"""Statuses with which there is nothing to stop; None: the job is gone."""


def look_for(store: Store, job_ids: str) -> str:
    """What the queues' lists say of runs (ids with spaces between): "there id ..." when one has any of them, else "gone
    id ..."."""
    for job_id in job_ids.split():
        queue = store.job_fields(job_id).get(b"origin")
        if queue is not None and store.is_waiting(job_id, text(queue)):
            return f"there {job_ids}"
    return f"gone {job_ids}"


def stop_run(store: Store, jobs: JobCreator, events: Events, job_id: str) -> None:
    """Cancels a run that waits, which is then kept for its failure TTL, but no longer than `MADE_WAY`; sends RQ's stop
    command for one that goes on. Both may run for a moment.

    A run that has ended meanwhile, or cannot be asked, is told to `events`. Raises where Redis does not answer.
    """
    try:
        end_run(store, jobs, job_id, MADE_WAY)
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001  RQ's own checks, rights on a channel: it has ended, or cannot be asked
        events.not_stopped(job_id, error)


def end_run(store: Store, jobs: JobCreator, job_id: str, keep_for: int) -> Literal["asked", "canceled"] | None:
    """Sends RQ's stop command for a job that a worker runs ("asked"); cancels one that waits, which is then kept for
    its failure TTL, but no longer than `keep_for` seconds ("canceled"). None where there is nothing to stop.

    Raises JobUnreadable, and what RQ and redis-py raise."""
    fields = store.job_fields(job_id)
    if not fields:
        return None
    job: Job = jobs.restore(StoredJob(job_id, 0, fields))
    while (status := job.get_status()) not in _OVER:
        if status is JobStatus.STARTED:
            cast("Any", rq.command).send_stop_job_command(job.connection, job_id, jobs.serializer)
            return "asked"
        own = job.failure_ttl
        if store.cancel_run(job, keep_for if own is None or own < 0 else min(own, keep_for)):
            return "canceled"
    return None
