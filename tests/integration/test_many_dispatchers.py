"""Many dispatchers on one index, killed at random all the time: each hand-off happens exactly once.

No worker is here: what is in the queues at the end is the record of every push. A lot of kills needs dispatchers that
start fast: see `nursery`.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py

from integration import nursery
from integration.helpers import INDEX, KEYS, account, pushed
from rq_scheduler import Scheduler
from support import wait_until

ONE_OFFS, SCHEDULES = 20_000, 200
SECONDS = 8
"""Over which the one-offs are due."""

KILL_EVERY = 0.3


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
        self.join(5)
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
    lines = [line.decode().split() for line in redis.lrange(KEYS.history(id), 0, -1)]
    return [(outcome, int(nominal)) for outcome, nominal, *_ in reversed(lines)]


@pytest.mark.alone
@pytest.mark.timeout(150)
@pytest.mark.parametrize("dispatchers", [2, 4])
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
    start = datetime.now(UTC) + timedelta(seconds=4)
    ids = scheduler.enqueue_many(
        ((start + timedelta(seconds=dice.uniform(0, SECONDS)), "jobs_for_tests.nothing") for _ in range(ONE_OFFS)),
        queue_name="once",
    )
    counted, endless = [], []
    for n in range(SCHEDULES):
        when = start + timedelta(seconds=dice.uniform(0, 2))
        job = scheduler.schedule(
            when, "jobs_for_tests.nothing", interval=1, repeat=None if n % 2 else 5, queue_name="often", catchup="all"
        )
        (endless if n % 2 else counted).append((job.id, round(when.timestamp() * 1e6)))

    killed = 0
    with consuming(redis_url, "often") as consumer:
        alive = [nursery.start(dispatcher_url, name=f"first{n}") for n in range(dispatchers)]
        request.addfinalizer(lambda: [process.kill() for process in alive])
        end = start.timestamp() + SECONDS + 1
        while time.time() < end:
            time.sleep(KILL_EVERY)  # the load, not a wait
            victim = dice.randrange(dispatchers)
            alive[victim].kill()
            alive[victim].join()
            killed += 1
            alive[victim] = nursery.start(dispatcher_url, name=f"d{killed}")
        wait_until(lambda: redis.zcard(INDEX) == len(endless), 20)
        wait_until(lambda: all(consumer.runs[id] == 5 for id, _ in counted), 20)
        wait_until(lambda: redis.exists(KEYS.instance(f"d{killed}")))  # the youngest: a signal finds its handler
        assert nursery.end(alive) == [0] * dispatchers
        wait_until(lambda: redis.llen("rq:queue:often") == 0)
    runs = consumer.runs

    print(f"{killed} killed")
    assert killed > SECONDS / KILL_EVERY / 2
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
    assert skipped < SCHEDULES
    # Nothing is left behind but what goes on.
    assert {member.decode() for member in redis.zrange(KEYS.schedules, 0, -1)} == {id for id, _ in endless}
    for id, _ in endless:
        scheduler.cancel(id, delete_job=True)
    # (What stands for the dead has a TTL.)
    left = {key.decode() for key in redis.keys("rq:scheduler*") if redis.ttl(key) == -1}
    assert left <= {KEYS.revisions, KEYS.rq_claims, KEYS.dispatchers}
