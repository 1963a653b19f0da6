"""Queue classes of an application. What they note in Redis is under `test:`."""

from typing import Any

from rq import Queue


class Noting(Queue):
    """Notes whom it enqueues, in RQ's own transaction."""

    def enqueue_job(self, job: Any, pipeline: Any = None, at_front: bool = False, **options: Any) -> Any:
        target = pipeline if pipeline is not None else self.connection
        result = super().enqueue_job(job, pipeline=pipeline, at_front=at_front, **options)
        target.rpush("test:noted", job.id)
        return result


class WithoutPipeline(Queue):
    """An old queue class, which takes no pipeline."""

    def enqueue_job(self, job: Any, at_front: bool = False) -> Any:  # type: ignore[override]
        self.connection.rpush("test:noted", job.id)
        return super().enqueue_job(job, at_front=at_front)


class Old(Queue):
    """The same, with no notes."""

    def enqueue_job(self, job: Any, at_front: bool = False) -> Any:  # type: ignore[override]
        return super().enqueue_job(job, at_front=at_front)


class Failing(Queue):
    """One with a bug."""

    def enqueue_job(self, job: Any, *args: Any, **options: Any) -> Any:
        raise RuntimeError("a bug in the application's queue class")
