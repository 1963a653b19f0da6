"""Many dispatchers on one index, killed at random all the time: each hand-off happens exactly once.

No worker is here: what is in the queues at the end is the record of every push. A lot of kills needs dispatchers that
start fast: see `nursery`.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess

import pytest
import redis as redis_py

from integration import nursery
from integration.helpers import INDEX, KEYS, account, pushed
from making import US, now_us, waiting
from making_schedules import job_fields, new, put, spec
from rq_scheduler import Scheduler
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store, scripts
from rq_scheduler.store.history import read_line
from support import PATIENCE, wait_until

pytestmark = pytest.mark.once

HERD = int(os.environ.get("RQS_HERD", "8000"))
ONE_OFFS, SCHEDULES = 20_000, 200
SECONDS = 8
"""Over which the one-offs are due that are saved at once."""

KILLS, KILL_EVERY = 25, 0.3


class Consumer(threading.Thread):
    """Stands for the workers of the recurring jobs: takes each run from its queue and has it finished at once."""

    def __init__(self, url: str, queue: str) -> None:
        super().__init__(daemon=True)
        self.runs: Counter[str] = Counter()
        self._redis = redis_py.Redis.from_url(url)
        self._queue = f"rq:queue:{queue}"
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            taken = self._redis.blpop([self._queue], timeout=1)
            if taken is not None:
                id: str = taken[1].decode()
                self.runs[id] += 1
                self._redis.hset(f"rq:job:{id}", "status", "finished")

    def end(self) -> None:
        self._ended.set()
        self.join(PATIENCE)
        self._redis.close()


@contextmanager
def consuming(url: str, queue: str) -> Iterator[Consumer]:
    consumer = Consumer(url, queue)
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.end()


def instants(redis: redis_py.Redis, id: str) -> list[tuple[str, int]]:
    """What the history of a schedule says of its nominal instants (us), oldest first: ("enqueued", nominal), ..."""
    lines = [read_line(line) for line in redis.lrange(KEYS.history(id), 0, -1)]
    return [
        (line.outcome, line.nominal + n * 1_000_000)
        for line in reversed(lines)
        if line is not None
        for n in range(line.count)
    ]


@pytest.mark.parametrize("dispatchers", [pytest.param(2, marks=pytest.mark.slow), 4])
@pytest.mark.long
def test_each_is_handed_off_exactly_once(
    redis: redis_py.Redis,
    redis_url: str,
    dispatcher_url: str,
    scheduler: Scheduler,
    dispatchers: int,
    request: pytest.FixtureRequest,
):
    """20,000 one-offs and 200 recurring jobs, while a random dispatcher dies by SIGKILL every 300 ms."""
    dice = random.Random(dispatchers)
    start = datetime.now(UTC)
    counted, endless = [], []
    for n in range(SCHEDULES):
        when = start + timedelta(seconds=dice.uniform(1, 3))
        job = scheduler.schedule(
            when, "jobs_for_tests.nothing", interval=1, repeat=None if n % 2 else 5, queue_name="often", catchup="all"
        )
        (endless if n % 2 else counted).append((job.id, round(when.timestamp() * 1e6)))
    ids: list[str] = []

    def save_some() -> None:
        now, delays = datetime.now(UTC), [timedelta(seconds=dice.uniform(0, SECONDS)) for _ in range(1000)]
        some = ((now + delay, "jobs_for_tests.nothing") for delay in delays)
        ids.extend(scheduler.enqueue_many(some, queue_name="once"))

    killed = 0
    with consuming(redis_url, "often") as consumer:
        names = [f"first{n}" for n in range(dispatchers)]
        alive = [nursery.start(dispatcher_url, name=name) for name in names]
        request.addfinalizer(lambda: [process.kill() for process in alive])
        while killed < KILLS:
            if len(ids) < ONE_OFFS:
                save_some()
            time.sleep(KILL_EVERY)  # the load, not a wait
            victim = dice.randrange(dispatchers)
            alive[victim].kill()
            alive[victim].join()
            killed += 1
            names[victim] = f"d{killed}"
            alive[victim] = nursery.start(dispatcher_url, name=names[victim])
        wait_until(lambda: redis.zcard(INDEX) == len(endless))
        wait_until(lambda: all(consumer.runs[id] == 5 for id, _ in counted))
        wait_until(lambda: all(redis.exists(KEYS.instance(name)) for name in names))  # a signal finds its handler
        assert nursery.end(alive) == [0] * dispatchers
        wait_until(lambda: redis.llen("rq:queue:often") == 0)
    runs = consumer.runs

    assert account(pushed(redis, "once"), ids) == ""
    assert {id: runs[id] for id, _ in counted if runs[id] != 5} == {}
    assert set(runs) == {id for id, _ in counted + endless}
    skipped = 0
    for id, first in endless:
        history = instants(redis, id)
        # Every instant once and in order, with no gap; and as many pushes as it says.
        assert [nominal for _, nominal in history] == [first + n * 1_000_000 for n in range(len(history))]
        assert {outcome for outcome, _ in history} <= {"enqueued", "skipped"}
        assert sum(outcome == "enqueued" for outcome, _ in history) == runs[id]
        skipped += sum(outcome == "skipped" for outcome, _ in history)
    # Instants that came due together while nobody lived: the second finds the first still in its queue.
    print(f"{skipped} skipped of {sum(len(instants(redis, id)) for id, _ in endless)}")
    # Nothing is left behind but what goes on.
    assert {member.decode() for member in redis.zrange(KEYS.schedules, 0, -1)} == {id for id, _ in endless}
    for id, _ in endless:
        scheduler.cancel(id, delete_job=True)
    # (What stands for the dead has a TTL.)
    left = {key.decode() for key in redis.keys("rq:scheduler*") if redis.ttl(key) == -1}
    of_dispatchers = {KEYS.rq_claims, KEYS.rq_since, KEYS.dispatchers, KEYS.heartbeats, KEYS.run_id, KEYS.unserved}
    of_what_was = {KEYS.names, KEYS.audit, KEYS.events, KEYS.counters, KEYS.not_run, KEYS.new_runs, KEYS.open_runs}
    assert left <= {KEYS.revisions, *of_dispatchers, *of_what_was}


@pytest.mark.usefixtures("scripts_as_is")  # which the dispatchers run
def test_a_herd_is_fired_exactly_once_though_dispatchers_die_in_the_middle(
    redis: redis_py.Redis, dispatcher_url: str, request: pytest.FixtureRequest
) -> None:
    """8,000 schedules are due at once, half of them without a plan. Each time that some have been fired, both
    dispatchers die by SIGKILL, at whatever they do (RQS_HERD sets how many schedules)."""
    store, now, dice = Store(redis), now_us(redis), random.Random(7)
    job = job_fields(redis)
    plain, counts = spec(3600), spec(3600, max_runs=1000)
    nominal = now - 1000
    plan = " ".join(f"{each}:{each}" for each in (nominal, nominal + 3600 * US))
    revs: list[str] = []
    for first in range(0, HERD, 100):
        some = range(first, first + 100)
        revs += put(store, *(new(redis, f"s{n}", nominal, of=plain if n % 8 else counts, job=job) for n in some))
    with redis.pipeline(transaction=False) as pipe:
        for n in range(HERD):
            planned = {"plan": plan, "plan_rev": revs[n]} if n % 2 else {}
            # Put before its time: it is never too late.
            pipe.hset(store.keys.schedule(f"s{n}"), mapping={"updated": 0, **planned})
        pipe.delete(store.keys.to_plan)
        pipe.execute()
    alive: list[BaseProcess] = []
    request.addfinalizer(lambda: [process.kill() for process in alive])
    before = redis.config_get("slowlog*")
    request.addfinalizer(lambda: [redis.config_set(name, value) for name, value in before.items()])
    redis.config_set("slowlog-log-slower-than", 500)
    redis.config_set("slowlog-max-len", 10_000)
    redis.slowlog_reset()
    killed = 0
    while (fired := len(waiting(redis))) < HERD:
        alive = [nursery.start(dispatcher_url, name=f"d{killed + n}") for n in range(2)]
        wait_until(lambda fired=fired: redis.llen("rq:queue:default") > fired, interval=0.001)
        time.sleep(dice.uniform(0, 0.06))  # the load, not a wait
        for process in alive:
            process.kill()
            process.join()
        killed += 2
    print(f"{killed} dispatchers killed")
    assert killed >= 6
    slow = [each["command"].split()[1].decode() for each in redis.slowlog_get(10_000) if each["command"][:4] == b"EVAL"]
    assert slow.count(scripts.load("fire").digest) > 0
    assert slow.count(scripts.load("write_plans").digest) > 0
    assert sorted(waiting(redis)) == sorted(run_id(f"s{n}", now - 1000) for n in range(HERD))
    assert len(redis.keys("rq:job:*")) == HERD
    following = (now - 1000) / 1e6 + 3600
    assert {due for _, due in redis.zrange(KEYS.due_schedules, 0, -1, withscores=True)} == {following}
