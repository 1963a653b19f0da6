"""Asking a run to make way for the one that replaces it (`overlap="replace"`): for dispatchers, and for a client whose
`run_now` replaces a run.

Knows RQ's own ways of ending a job, and nothing of schedules.
"""

from __future__ import annotations

from typing import Any, cast

import redis.exceptions
import rq.command
from rq.job import Job, JobStatus

from rq_scheduler.dispatcher.events import Events
from rq_scheduler.jobs import JobCreator
from rq_scheduler.store import Store, StoredJob

__all__ = ["stop_run"]


def stop_run(store: Store, jobs: JobCreator, events: Events, job_id: str) -> None:
    """Cancels a run that waits, and sends RQ's stop command for one that goes on; both may run for a moment.

    A run that has ended meanwhile, or cannot be asked, is told to `events`. Raises where Redis does not answer.
    """
    fields = store.job_fields(job_id)
    if not fields:
        return
    try:
        job: Job = jobs.restore(StoredJob(job_id, 0, fields))
        if job.get_status() is JobStatus.STARTED:
            cast("Any", rq.command).send_stop_job_command(job.connection, job_id)
        else:
            job.cancel()
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001  RQ's own checks, rights on a channel: it has ended, or cannot be asked
        events.not_stopped(job_id, error)
