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

from rq_scheduler.planning import Missed
from rq_scheduler.store import rq_format
from rq_scheduler.store.base import Operations, score_of, us_of, wire
from rq_scheduler.store.history import LENGTH, enqueued_line, missed_part
from rq_scheduler.store.keys import FENCE_HOLDER

ATTEMPTS = 10
"""How often a hand-off is tried when others keep changing the job meanwhile."""


@dataclass(frozen=True, slots=True)
class Rearm:
    """The next due time of a recurring job (microseconds), and the instants that it passes over."""

    due: int
    missed: Missed | None = None


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
        behind_fence: bool = False,
    ) -> bool:
        """Enqueues the job as RQ does, and takes it out of the index or arms it anew, as one transaction.

        With `expected_due` (microseconds) and `expected_rev`, only if the entry is still that one; without, in any
        case. `meta` is written as it is, for a job whose meta cannot be read here. `behind_fence`: only while our
        dispatchers hold the fence. False when the entry has moved on, or the fence is not ours.
        A queue that takes no pipeline, or runs jobs itself (`is_async=False`), is called after our own writes.
        """
        index = index or self.keys.scheduled_jobs
        record_key = self.keys.schedule(job.id)
        in_transaction = rq_format.takes_pipeline(queue) and queue.is_async
        status = job.get_status(refresh=False)
        for _ in range(ATTEMPTS):
            with self.connection.pipeline() as pipe:
                try:
                    pipe.watch(job.key, record_key, *([self.keys.fence] if behind_fence else []))
                    if behind_fence and self.keys.fenced and pipe.get(self.keys.fence) != FENCE_HOLDER.encode():
                        return False
                    score = pipe.zscore(index, wire(job.id))
                    if expected_due is not None and (score is None or us_of(score) != expected_due):
                        return False
                    rev, retries = pipe.hmget(record_key, "rev", "retries")
                    if expected_rev is not None and (rev or b"").decode() != expected_rev:
                        return False
                    now = self._now(pipe)
                    if rearm is not None:
                        rq_format.start_afresh(job, int(retries) if retries else None)
                    if not in_transaction:
                        pipe.multi()
                    elif rq_format.has_rate_limit(job):
                        rq_format.enqueue_rate_limited(queue, job, pipe)
                    else:
                        queue.enqueue_job(job, pipeline=pipe, at_front=rq_format.wants_front(job))
                    if meta is not None:
                        pipe.hset(job.key, "meta", meta)
                    pipe.zrem(self.keys.claims, wire(job.id))
                    if rearm is None:
                        self._remove(pipe, index, job, recorded=rev is not None)
                    else:
                        due = now if score is None else us_of(score)
                        self._rearm(pipe, index, job, rearm, due, now, recorded=rev is not None)
                    pipe.execute()
                except WatchError:
                    rq_format.restore_status(job, status)
                    continue
            if not in_transaction:
                queue.enqueue_job(job, at_front=rq_format.wants_front(job))
            return True
        return False

    def _remove(self, pipe: Any, index: str, job: Job, *, recorded: bool) -> None:
        pipe.zrem(index, wire(job.id))
        if recorded:
            pipe.delete(self.keys.schedule(job.id), self.keys.history(job.id))
            pipe.zrem(self.keys.schedules, wire(job.id))
            pipe.zrem(self.keys.buffered, wire(job.id))

    def _rearm(self, pipe: Any, index: str, job: Job, rearm: Rearm, due: int, now: int, *, recorded: bool) -> None:
        pipe.zadd(index, {wire(job.id): score_of(rearm.due)})
        rq_format.remove_last_run(pipe, self.keys.prefix, job)
        if not recorded:
            return
        # The record keeps the meta it was made from: the next commit sees that the job's is another, and adopts again.
        record_key, history = self.keys.schedule(job.id), self.keys.history(job.id)
        pipe.hincrby(record_key, "runs", 1)
        pipe.hset(record_key, mapping={"mark": due, "last_run_at": now, "skips_in_a_row": 0})
        if rearm.missed is not None:
            pipe.hincrby(record_key, "missed", rearm.missed.count)
            pipe.lpush(history, f"{missed_part(rearm.missed)} {now}")
        pipe.lpush(history, enqueued_line(job.id, due, due, now))
        pipe.ltrim(history, 0, LENGTH - 1)

    @staticmethod
    def _now(pipe: Any) -> int:
        seconds, microseconds = pipe.time()
        return int(seconds) * 1_000_000 + int(microseconds)
