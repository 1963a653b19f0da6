"""The load under which a master is replaced, and the account afterwards. For Sentinel and Cluster alike.

Nobody takes anything from the queues, so that the queues of the promoted replica are the record of every push that it
knows of: its own, and those of the old master that had reached it.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Self

import redis as redis_py

import jobs_for_tests
from faults.checker import Ledger, Verdict
from making import US, now_us
from rq_scheduler import Every, Scheduler
from rq_scheduler.clock import to_us
from rq_scheduler.runs import run_id
from rq_scheduler.store import rq_format
from rq_scheduler.store.keys import Keys
from support import PATIENCE, wait_until

KEYS = Keys(rq_format.KEY_PREFIX)
QUEUE = "default"
STEP = US // 2
"""Between two runs of a schedule."""


class Writer(threading.Thread):
    """An application that goes on writing one-offs. It asks `replicas` replicas, if any, before it takes a write for
    safe (WAIT), and notes what was acknowledged and what was not."""

    def __init__(self, client: Any, name: str, *, replicas: int = 0) -> None:
        super().__init__(daemon=True)
        self.name = name
        self.acknowledged: list[tuple[str, int]] = []
        self.unsure: list[tuple[str, int]] = []
        self.master_ends = threading.Event()
        """Set before the master is done away with. A write that fails earlier, on a slow machine, says nothing."""
        self.before: int | None = None
        """How many were acknowledged when the first write after that failed: by the old master."""
        self._client = client
        self._scheduler = Scheduler(connection=client)
        self._replicas = replicas
        self._ended = threading.Event()

    def run(self) -> None:
        for number in count():
            if self._ended.wait(0.01):
                return
            id, when = f"{self.name}-{number}", datetime.now(UTC) + timedelta(seconds=number % 100 / 100)
            try:
                self._scheduler.enqueue_at(when, jobs_for_tests.nothing, job_id=id)
                safe = not self._replicas or self._client.wait(self._replicas, 500) >= self._replicas
            except redis_py.RedisError:
                safe = False
                if self.before is None and self.master_ends.is_set():
                    self.before = len(self.acknowledged)
            (self.acknowledged if safe else self.unsure).append((id, to_us(when)))

    def end(self) -> None:
        self._ended.set()
        self.join(PATIENCE)
        assert not self.is_alive()


@dataclass
class Load:
    """Many one-offs and some schedules that are known everywhere before it begins, and writers that go on."""

    scheduler: Scheduler
    writers: list[Writer]
    one_offs: int = 1_500
    schedules: int = 10
    seconds: float = 6
    ledger: Ledger = field(default_factory=Ledger)
    put_at: list[int] = field(default_factory=list)
    first: int = 0
    until: int = 0

    def save(self) -> None:
        """The part that is there from the beginning; due from one second on."""
        start = datetime.now(UTC) + timedelta(seconds=1)
        self.first = to_us(start)
        steps = [start + timedelta(seconds=n * self.seconds / self.one_offs) for n in range(self.one_offs)]
        ids = self.scheduler.enqueue_many((when, jobs_for_tests.nothing) for when in steps)
        for id, when in zip(ids, steps, strict=True):
            self.ledger.owe(id, to_us(when))
        for n in range(self.schedules):
            self.scheduler.schedules.put(
                f"often{n}", Every(STEP / US, anchor=start), jobs_for_tests.nothing, start=start, catchup="all",
                overlap="allow",
            )  # fmt: skip
            self.put_at.append(now_us(self.scheduler.connection))

    def __enter__(self) -> Self:
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.writers:
            writer.end()

    def wait_for_writers(self) -> None:
        """Returns when each has written something: on a slow machine, the load may be ahead of them by far."""
        wait_until(lambda: all(writer.acknowledged for writer in self.writers), message="a writer writes nothing")

    def master_ends(self) -> None:
        """To be called before the master is done away with."""
        for writer in self.writers:
            writer.master_ends.set()

    def drained(self) -> bool:
        """Whether all one-offs have been handed off, and no schedule is behind. Then the dispatchers may go."""
        redis = self.scheduler.connection
        try:
            self.until = now_us(redis) - US // 10
            behind = redis.zcount(KEYS.due_schedules, "-inf", self.until / US)
            return not behind and redis.zcard(KEYS.scheduled_jobs) == 0
        except redis_py.RedisError:
            return False  # a client of the old master hears of its end by and by

    def behind(self) -> str:
        """What is still to be served, for a message."""
        redis = self.scheduler.connection
        left = [redis.zrange(key, 0, 2, withscores=True) for key in (KEYS.scheduled_jobs, KEYS.due_schedules)]
        return f"at {now_us(redis) / US:.3f}, {redis.zcard(KEYS.scheduled_jobs)} one-offs; first: {left}"

    def judge(self, redis: Any) -> tuple[Verdict, dict[str, list[str]]]:
        """The verdict over all that `redis`, the promoted replica, knew of; and what was lost of each writer's
        acknowledged writes, because it did not. Nobody may write any more."""
        lost = {writer.name: [id for id, _ in self._unknown_to(redis, writer)] for writer in self.writers}
        for writer in self.writers:
            for id, due in writer.unsure:
                self.ledger.maybe(id, due)
            for id, due in writer.acknowledged:
                if id not in lost[writer.name]:
                    self.ledger.owe(id, due)
        for n in range(self.schedules):
            for nominal in range(self.first, self.until, STEP):
                self.ledger.owe_run(f"often{n}", nominal)
                if nominal <= self.put_at[n]:  # it may have been put too late for that
                    self.ledger.excuse(run_id(f"often{n}", nominal))
        for id, at in handed_off(redis):
            self.ledger.receive(id, at)
        return self.ledger.verdict(redis, late_after_us=10 * US, prefix=KEYS.prefix), lost

    @staticmethod
    def _unknown_to(redis: Any, writer: Writer) -> Iterable[tuple[str, int]]:
        pipe = redis.pipeline(transaction=False)
        for id, _ in writer.acknowledged:
            pipe.exists(rq_format.job_key(KEYS.prefix, id))
        return [entry for entry, known in zip(writer.acknowledged, pipe.execute(), strict=True) if not known]


def handed_off(redis: Any) -> list[tuple[str, int]]:
    """Every push that this server knows of, with the time that the server which did it wrote on the job (us)."""
    ids = [id.decode() for id in redis.lrange(rq_format.queue_key(KEYS.prefix, QUEUE), 0, -1)]
    pipe = redis.pipeline(transaction=False)
    for id in ids:
        pipe.hget(rq_format.job_key(KEYS.prefix, id), "enqueued_at")
    return [
        (id, to_us(datetime.strptime(at.decode(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)))
        for id, at in zip(ids, pipe.execute(), strict=True)
        if at is not None
    ]


def resumed_after(redis: Any, promoted_at: int) -> float:
    """Seconds from the promotion (us) to the first hand-off by the promoted server."""
    return (min(at for _, at in handed_off(redis) if at >= promoted_at) - promoted_at) / US


def check_the_tail(writer: Writer, lost: list[str]) -> None:
    """A replica has a beginning of its master's writes: what it had not is the end of them, and nothing else."""
    assert writer.before is not None, "the writer has not noticed"
    before = [id for id, _ in writer.acknowledged[: writer.before]]
    assert lost == before[len(before) - len(lost) :], "lost from the middle"


def wait_for_pushes(redis: Any, number: int, timeout: float = PATIENCE) -> None:
    """Returns when so many jobs are in the queue."""
    end = time.monotonic() + timeout
    while (seen := redis.llen(rq_format.queue_key(KEYS.prefix, QUEUE))) < number:
        assert time.monotonic() < end, f"{seen} of {number} after {timeout} s"
        time.sleep(0.01)
