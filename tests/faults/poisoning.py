"""What the tests of poison share: healthy entries beside it, which have to be on time, and a dispatcher for them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import redis as redis_py
from rq.utils import utcparse

from making import US, Told, add, dispatcher, entry, make_job, now_us, recurring, waiting
from making_schedules import job_fields, new, put
from rq_scheduler import Every
from rq_scheduler.clock import to_us
from rq_scheduler.model import Spec
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store
from support import PATIENCE, wait_until

KINDS = ("one-off", "recurring", "schedule", "rq")
SOON = US // 3
LATE = round(PATIENCE * US)
"""How late an entry may be that is on time, on a machine that others use: what is held up does not come by itself."""


class Listening(Told):
    """Remembers the keys that a dispatcher complains of, too."""

    def __init__(self) -> None:
        super().__init__()
        self.misfits: list[Sequence[str]] = []

    def misfit(self, keys: Sequence[str], error: BaseException) -> None:
        self.misfits.append(keys)


@contextmanager
def serving(redis: redis_py.Redis, **options: Any) -> Iterator[Listening]:
    """A dispatcher, in a thread, that runs as the command does; what it tells."""
    told = Listening()
    client = redis_py.Redis(port=redis.connection_pool.connection_kwargs["port"])
    one = dispatcher(client, told, **options)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with suppress(SystemExit):
                one.run()
        except BaseException as error:  # noqa: BLE001  told below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        one.request_stop()
        thread.join(PATIENCE)
        client.close()
    assert not thread.is_alive(), "the dispatcher did not stop"
    assert not errors, errors


class Beds:
    """One entry of each kind, due soon in the queue of its own name: `healthy-one-off`, ..."""

    def __init__(self, redis: redis_py.Redis, name: str = "healthy", after: int = SOON) -> None:
        self.redis = redis
        self.name = name
        self.due = now_us(redis) + after
        store = Store(redis)
        add(store, entry(redis, self.id("one-off"), self.due, origin=self.id("one-off")))
        add(store, recurring(redis, self.id("recurring"), self.due, seconds=3600, origin=self.id("recurring")))
        hourly = Spec(trigger=Every(3600))
        put(store, new(redis, self.id("schedule"), self.due, of=hourly, job=job_fields(redis, self.id("schedule"))))
        job = make_job(redis, self.id("rq"), origin=self.id("rq"))
        redis.hset(job.key, mapping=job.to_dict())
        redis.zadd(f"rq:scheduled:{self.id('rq')}", {self.id("rq"): self.due / US})
        redis.sadd("rq:queues", f"rq:queue:{self.id('rq')}")

    def id(self, kind: str) -> str:
        return f"{self.name}-{kind}"

    def job_id(self, kind: str) -> str:
        return run_id(self.id(kind), self.due) if kind == "schedule" else self.id(kind)

    def served(self) -> set[str]:
        """The kinds that have entered their queue, once each."""
        return {kind for kind in KINDS if self._waits(kind)}

    def _waits(self, kind: str) -> bool:
        is_queue = self.redis.type(f"rq:queue:{self.id(kind)}") == b"list"
        return is_queue and waiting(self.redis, self.id(kind)) == [self.job_id(kind)]

    def lateness(self, kind: str) -> int:
        entered = self.redis.hget(f"rq:job:{self.job_id(kind)}", "enqueued_at")
        assert entered is not None
        return to_us(utcparse(entered.decode())) - self.due

    def assert_on_time(self, kinds: Sequence[str] = KINDS) -> None:
        left = max(0, self.due - now_us(self.redis)) / US
        wait_until(lambda: self.served() >= set(kinds), left + PATIENCE, message=lambda: f"served: {self.served()}")
        for kind in kinds:
            assert self.lateness(kind) < LATE, (kind, self.lateness(kind))
