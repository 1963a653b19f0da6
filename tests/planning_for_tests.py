"""Functions that real `rq worker` processes run, and that schedule. Apart from the others: each job that a worker forks
for would import the scheduler anew."""

from datetime import timedelta
from typing import Any

from rq import get_current_job

from jobs_for_tests import push
from rq_scheduler import Scheduler


def count_down(number: int, result_ttl: int | None = None) -> None:
    """Append `<job id> <number>` to the list `test:counted`, and plan the next number under the same id."""
    job = get_current_job()
    assert job is not None
    push("counted", f"{job.id} {number}")
    if number > 0:
        planned: dict[str, Any] = {"job_id": job.id, "job_result_ttl": result_ttl}
        Scheduler(connection=job.connection).enqueue_in(timedelta(0), count_down, number - 1, result_ttl, **planned)
