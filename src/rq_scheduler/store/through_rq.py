"""The slow path: RQ's own code enqueues, and our removal or re-arming joins its transaction.

For what a script cannot decide: dependencies, rate limits, custom queue classes, jobs that an application hands
off itself. The job is watched, the index checked again, and RQ's writes and ours commit or fail as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.exceptions import WatchError
from rq.job import Job
from rq.queue import Queue

from rq_scheduler.store import rq_format
from rq_scheduler.store.base import Operations, score_of, us_of, wire

ATTEMPTS = 10
"""How often a hand-off is tried when others keep changing the job meanwhile."""


@dataclass(frozen=True, slots=True)
class Rearm:
    """The next due time (microseconds) of a recurring job, and its retries if a run starts with them anew."""

    due: int
    retries: int | None = None


class ThroughRQ(Operations):
    """Operations that go through RQ's own enqueueing."""

    def hand_off_through_rq(
        self,
        job: Job,
        queue: Queue,
        *,
        rearm: Rearm | None = None,
        expected_due: int | None = None,
        expected_rev: str | None = None,
        index: str | None = None,
        meta: bytes | None = None,
    ) -> bool:
        """Enqueues the job as RQ does, and takes it out of the index or arms it anew, as one transaction.

        With `expected_due` (microseconds) and `expected_rev`, only if the entry is still that one; without, in any
        case. `meta` is written as it is, for a job whose meta cannot be read here. False when the entry has moved on.
        A queue that takes no pipeline, or runs jobs itself (`is_async=False`), is called after our own writes.
        """
        index = index or self.keys.scheduled_jobs
        record_key = self.keys.schedule(job.id)
        in_transaction = rq_format.takes_pipeline(queue) and queue.is_async
        status = job.get_status(refresh=False)
        for _ in range(ATTEMPTS):
            with self.connection.pipeline() as pipe:
                try:
                    pipe.watch(job.key, record_key)
                    score = pipe.zscore(index, wire(job.id))
                    if expected_due is not None and (score is None or us_of(score) != expected_due):
                        return False
                    rev = pipe.hget(record_key, "rev")
                    if expected_rev is not None and (rev or b"").decode() != expected_rev:
                        return False
                    if rearm is not None:
                        rq_format.start_afresh(job, rearm.retries)
                    if not in_transaction:
                        pipe.multi()
                    elif rq_format.has_rate_limit(job):
                        rq_format.enqueue_rate_limited(queue, job, pipe)
                    else:
                        queue.enqueue_job(job, pipeline=pipe, at_front=rq_format.wants_front(job))
                    self._settle(pipe, index, job, rearm, recorded=rev is not None, meta=meta)
                    pipe.execute()
                except WatchError:
                    rq_format.restore_status(job, status)
                    continue
            if not in_transaction:
                queue.enqueue_job(job, at_front=rq_format.wants_front(job))
            return True
        return False

    def _settle(
        self, pipe: Any, index: str, job: Job, rearm: Rearm | None, *, recorded: bool, meta: bytes | None
    ) -> None:
        record_key = self.keys.schedule(job.id)
        if meta is not None:
            pipe.hset(job.key, "meta", meta)
        pipe.zrem(self.keys.claims, wire(job.id))
        if rearm is None:
            pipe.zrem(index, wire(job.id))
            if recorded:
                pipe.delete(record_key, self.keys.history(job.id))
                pipe.zrem(self.keys.schedules, wire(job.id))
            return
        # The record keeps the meta it was made from: the next commit sees that the job's is another, and adopts again.
        pipe.zadd(index, {wire(job.id): score_of(rearm.due)})
        rq_format.remove_last_run(pipe, self.keys.prefix, job)
        if recorded:
            pipe.hincrby(record_key, "runs", 1)
