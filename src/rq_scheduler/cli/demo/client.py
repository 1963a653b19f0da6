"""The demo's client: schedules through the public API, and keeps what it was told. Owns the client's side of the
account: the ids that were acknowledged, and those whose call failed."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job

from rq_scheduler import Scheduler
from rq_scheduler.cli.demo import jobs
from rq_scheduler.cli.demo.account import Promise, Series
from rq_scheduler.cli.demo.plan import SLOW_SECONDS, Plan
from rq_scheduler.cli.demo.stage import QUEUE
from rq_scheduler.clock import US, from_us, to_us
from rq_scheduler.store.survey import Survey

__all__ = ["CRON", "CRON_SECONDS", "Client"]

CRON = "*/5 * * * * * *"
CRON_SECONDS = 5


class Client:
    """One application that schedules. `start` is the moment from which the plan's offsets count, in microseconds."""

    def __init__(self, url: str, start: int) -> None:
        client: Any = Redis  # redis-py and RQ leave some of what is called here untyped
        self._connection: Redis = client.from_url(url, socket_timeout=2, retry=Retry(NoBackoff(), 0))
        self._scheduler = Scheduler(QUEUE, connection=self._connection)
        self._survey = Survey(self._connection)
        self.start = start
        self._count = 0
        self.promises: list[Promise] = []
        self.refused: list[str] = []
        self.due_of: dict[str, int] = {}
        self._waiting: list[int] = []
        self._first: dict[str, tuple[int, int]] = {}

    def schedule_ahead(self, plan: Plan) -> None:
        """What is known from the start: one bulk call, and the recurring jobs."""
        dues = [self.start + round(offset * US) for offset in plan.ahead]
        ids = self._scheduler.enqueue_many(((from_us(due), jobs.greet) for due in dues), queue_name=QUEUE)
        for job_id, due in zip(ids, dues, strict=True):
            self._keep(job_id, due)
        for one in plan.recurring:
            first = self.start + round(one.first * US)
            args = (SLOW_SECONDS,) if one.function == "slow" else ()
            function = getattr(jobs, one.function)
            self._scheduler.schedule(from_us(first), function, args=args, interval=one.interval, id=one.id)
            self._first[one.id] = (first, one.interval * US)
        before = self._survey.now()
        self._scheduler.cron(CRON, jobs.greet, id="cron", timezone="UTC")
        step = CRON_SECONDS * US
        self._first["cron"] = ((before // step + 1) * step, step)

    def schedule_live(self, now: int, ahead: float) -> str | None:
        """One more one-off, `ahead` seconds from now. None when Redis did not acknowledge it."""
        return self._enqueue(now + round(ahead * US), now)

    def retry_refused(self, now: int) -> int:
        """What failed while Redis was away, once more, under new ids. Returns how many were acknowledged."""
        waiting, self._waiting = self._waiting, []
        return sum(self._enqueue(max(due, now + US // 10), now) is not None for due in waiting)

    def _enqueue(self, due: int, now: int) -> str | None:
        self._count += 1
        job_id = f"live-{self._count:03d}"
        try:
            self._scheduler.enqueue_at(from_us(due), jobs.greet, job_id=job_id)
        except RedisError:
            self.refused.append(job_id)
            self._waiting.append(due)
            return None
        self._keep(job_id, due)
        return job_id

    def _keep(self, job_id: str, due: int) -> None:
        self.promises.append(Promise(job_id, due))
        self.due_of[job_id] = due

    @property
    def all_acknowledged(self) -> bool:
        return not self._waiting

    def redis_answers(self) -> bool:
        try:
            self._survey.now()
        except RedisError:
            return False
        return True

    def _workers(self) -> list[Worker]:
        known: Any = Worker
        return known.all(connection=self._connection)

    def workers_registered(self, count: int) -> bool:
        """Whether so many workers listen."""
        return len(self._workers()) >= count

    def workers_idle(self) -> bool:
        """Whether no worker holds a job and none waits in the queue, as RQ itself tells."""
        queue = Queue(QUEUE, connection=self._connection)
        if queue.count:
            return False
        return all(worker.get_state() == "idle" for worker in self._workers())

    def in_hands(self) -> list[str]:
        """The jobs that workers have taken and not finished, by RQ's own lists."""
        queue = Queue(QUEUE, connection=self._connection)
        return sorted({*queue.intermediate_queue.get_job_ids(), *queue.started_job_registry.get_job_ids(cleanup=False)})

    def next_instants(self) -> dict[str, int]:
        """When each recurring job is due next, as the public API tells."""
        return {job.id: to_us(due) for job, due in self._scheduler.get_jobs(with_times=True) if job.id in self._first}

    def end_series(self, upcoming: dict[str, int], end: int) -> list[Series]:
        """Cancel the recurring jobs. Each has named every instant before the one it is due at next, and at least all
        up to the end."""
        ended: list[Series] = []
        for name, (first, step) in self._first.items():
            self._scheduler.cancel(name)
            ended.append(Series(name, tuple(range(first, max(upcoming.get(name, 0), end + 1), step))))
        return ended

    def history(self) -> dict[tuple[str, int], str]:
        """The outcome that each recurring job's own history gives for an instant; a stretch of missed ones is named by
        its ends, and filled here."""
        outcomes: dict[tuple[str, int], str] = {}
        for name, (_, step) in self._first.items():
            for line in self._survey.history(name):
                for nominal in range(line.nominal, max(line.nominal, line.until) + 1, step):
                    outcomes[name, nominal] = line.outcome
        return outcomes

    def handed_off(self) -> dict[str, int]:
        """One-off id -> the moment of its hand-off, as its job hash says."""
        found: dict[str, int] = {}
        ids = [promise.id for promise in self.promises]
        for start in range(0, len(ids), 100):
            jobs_class: Any = Job
            batch: list[Job | None] = jobs_class.fetch_many(ids[start : start + 100], connection=self._connection)
            for job in batch:
                if job is not None and job.enqueued_at is not None:
                    found[job.id] = to_us(job.enqueued_at)
        return found

    def close(self) -> None:
        self._connection.close()
