"""What things cost, counted: round trips and Redis commands of fixed scenarios, against the numbers in counts.txt.

A count is the same on a busy machine and on a quiet one. It may change, but not unseen.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from rq.utils import utcformat

from making import add, job_plan_of, make_job, now_us, recurring
from making_schedules import new, planned_in_time, put, spec
from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.store import Store
from rq_scheduler.store.keys import Keys

pytestmark = pytest.mark.once

KEYS = Keys()
TABLE = Path(__file__).with_name("counts.txt")
LATER = datetime.now(UTC) + timedelta(days=30)
_OF_CONNECTIONS = ("client", "hello", "info", "config", "select", "ping")


class Counting(redis_py.Connection):
    """A connection that counts how often it sends something, and then waits for the answer."""

    sent = 0

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        Counting.sent += 1
        super().send_packed_command(*args, **options)


@dataclass(frozen=True)
class Count:
    """`trips` to Redis, and how often each command was called, those in scripts too."""

    trips: int
    commands: Counter[str]

    def __str__(self) -> str:
        each = ", ".join(f"{name} {times}" for name, times in sorted(self.commands.items()))
        return f"trips {self.trips}, commands {self.commands.total()}: {each}"


@pytest.fixture
def client(redis: redis_py.Redis) -> Iterator[redis_py.Redis]:
    """A client of the shared server that counts."""
    place = {name: redis.get_connection_kwargs()[name] for name in ("host", "port")}
    counting = redis_py.Redis(connection_pool=redis_py.ConnectionPool(connection_class=Counting, **place))
    yield counting
    counting.close()
    counting.connection_pool.disconnect()


Scenario = Callable[[Scheduler], Callable[[], Any]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(title: str) -> Callable[[Scenario], Scenario]:
    """A function that prepares something, and returns what is counted."""

    def add(prepare: Scenario) -> Scenario:
        SCENARIOS[title] = prepare
        return prepare

    return add


def one_pass(scheduler: Scheduler) -> Callable[[], Any]:
    return Dispatcher(scheduler.connection).dispatch_once


def overdue(scheduler: Scheduler, key: str) -> Callable[[], Any]:
    """All entries of an index are due, one after the other; a pass serves them."""
    past = datetime.now(UTC).timestamp() - 10
    ids = scheduler.connection.zrange(key, 0, -1)
    if key == KEYS.due_schedules:
        for id in ids:  # put long ago: a newer definition does not catch up with what was due before it
            scheduler.connection.hset(KEYS.schedule(id.decode()), "updated", 0)
    scheduler.connection.zadd(key, {id: past + n / 1000 for n, id in enumerate(ids)})
    return one_pass(scheduler)


def jobs(scheduler: Scheduler, number: int) -> None:
    scheduler.enqueue_many((LATER, "jobs_for_tests.nothing") for _ in range(number))


def schedules(number: int) -> list[Schedule]:
    anchor = datetime(2026, 1, 1, tzinfo=UTC)
    return [Schedule(f"s-{n}", Every("1d", anchor=anchor), "jobs_for_tests.nothing") for n in range(number)]


def stored(scheduler: Scheduler, number: int = 1) -> None:
    scheduler.schedules.sync(schedules(number), owner="tests")


@scenario("an idle second: one pass")
def _(scheduler: Scheduler):
    return one_pass(scheduler)


@scenario("an idle second, 1000 one-offs and 100 schedules pending")
def _(scheduler: Scheduler):
    jobs(scheduler, 1000)
    stored(scheduler, 100)
    return one_pass(scheduler)


@scenario("a heartbeat, every 3 to 5 seconds")
def _(scheduler: Scheduler):
    store = Store(scheduler.connection)
    store.register_birth("one", {"pid": 1}, 60)
    store.heartbeat("one", {"pid": 1}, 60, dispatcher=True)
    return lambda: store.heartbeat("one", {"pid": 1}, 60, dispatcher=True)


@scenario("a pass that hands off 1 one-off")
def _(scheduler: Scheduler):
    jobs(scheduler, 1)
    return overdue(scheduler, KEYS.scheduled_jobs)


@scenario("a pass that hands off 400 one-offs")
def _(scheduler: Scheduler):
    jobs(scheduler, 400)
    return overdue(scheduler, KEYS.scheduled_jobs)


@scenario("a pass that fires 1 schedule")
def _(scheduler: Scheduler):
    stored(scheduler)
    return overdue(scheduler, KEYS.due_schedules)


@scenario("a pass that fires 20 schedules")
def _(scheduler: Scheduler):
    stored(scheduler, 20)
    return overdue(scheduler, KEYS.due_schedules)


@scenario("a pass that fires 20 schedules again, the last run finished")
def _(scheduler: Scheduler):
    stored(scheduler, 20)
    overdue(scheduler, KEYS.due_schedules)()
    for id in scheduler.connection.lrange("rq:queue:default", 0, -1):
        scheduler.connection.hset(f"rq:job:{id.decode()}", "status", "finished")
    return overdue(scheduler, KEYS.due_schedules)


@scenario("a pass that fires 20 schedules by their plans")
def _(scheduler: Scheduler):
    store, due = Store(scheduler.connection), now_us(scheduler.connection) - 1000
    put(store, *(new(scheduler.connection, f"s-{n}", due) for n in range(20)))
    planned_in_time(store, *(f"s-{n}" for n in range(20)))
    return one_pass(scheduler)


def looks(scheduler: Scheduler, status: str) -> Callable[[], Any]:
    """The first looks at 20 runs, which are of that status."""
    client = scheduler.connection
    stored(scheduler, 20)
    overdue(scheduler, KEYS.due_schedules)()
    then = utcformat(datetime.now(UTC))
    told = {"status": status, "started_at": then, "ended_at": then, "worker_name": "worker"}
    for id in client.lrange("rq:queue:default", 0, -1):
        client.hset(f"rq:job:{id.decode()}", mapping=told)
    for key in (KEYS.new_runs, KEYS.open_runs):
        for entry in client.zrange(key, 0, -1):
            client.zadd(key, {entry: 0})
    return lambda: Store(client).settle_runs(100)


for status in ("queued", "started", "finished", "failed"):
    scenario(f"looks at 20 runs that are {status}")(partial(looks, status=status))


@scenario("a pass that plans 20 schedules in time")
def _(scheduler: Scheduler):
    store, due = Store(scheduler.connection), now_us(scheduler.connection) + 30_000_000
    put(store, *(new(scheduler.connection, f"s-{n}", due, of=spec(3600)) for n in range(20)))
    return one_pass(scheduler)


@scenario("a pass that fires 10 recurring jobs of the 0.14 API")
def _(scheduler: Scheduler):
    for n in range(10):
        scheduler.schedule(LATER, "jobs_for_tests.nothing", id=f"job-{n}", interval=60)
    return overdue(scheduler, KEYS.scheduled_jobs)


@scenario("a pass that fires 10 recurring jobs by their plans")
def _(scheduler: Scheduler):
    store, due = Store(scheduler.connection), now_us(scheduler.connection) - 1000
    add(store, *(recurring(scheduler.connection, f"job-{n}", due) for n in range(10)))
    planned_in_time(store, *(f"job-{n}" for n in range(10)), planned=job_plan_of)
    return one_pass(scheduler)


@scenario("the first look at 100 recurring jobs of 0.14")
def _(scheduler: Scheduler):
    client = scheduler.connection
    for n in range(100):
        client.hset(
            f"rq:job:job-{n}", mapping=make_job(client, f"job-{n}", meta={"interval": 60}, result_ttl=-1).to_dict()
        )
        client.zadd(KEYS.scheduled_jobs, {f"job-{n}": LATER.timestamp()})
    one = Dispatcher(client)

    def look() -> None:
        while one._sweep.unfinished:
            one._sweep.step()

    return look


@scenario("enqueue_at")
def _(scheduler: Scheduler):
    return lambda: scheduler.enqueue_at(LATER, "jobs_for_tests.nothing")


@scenario("enqueue_many of 100")
def _(scheduler: Scheduler):
    return lambda: jobs(scheduler, 100)


@scenario("cancel")
def _(scheduler: Scheduler):
    job = scheduler.enqueue_at(LATER, "jobs_for_tests.nothing")
    return lambda: scheduler.cancel(job)


@scenario("change_execution_time")
def _(scheduler: Scheduler):
    job = scheduler.enqueue_at(LATER, "jobs_for_tests.nothing")
    return lambda: scheduler.change_execution_time(job, LATER + timedelta(days=1))


@scenario("get_jobs of 1000")
def _(scheduler: Scheduler):
    jobs(scheduler, 1000)
    return lambda: list(scheduler.get_jobs())


@scenario("schedule of the 0.14 API")
def _(scheduler: Scheduler):
    return lambda: scheduler.schedule(LATER, "jobs_for_tests.nothing", interval=60)


@scenario("schedules.put, new")
def _(scheduler: Scheduler):
    return lambda: scheduler.schedules.put(*schedules(1))


@scenario("schedules.put, the same again")
def _(scheduler: Scheduler):
    scheduler.schedules.put(*schedules(1))
    return lambda: scheduler.schedules.put(*schedules(1))


@scenario("schedules.sync of 100, new")
def _(scheduler: Scheduler):
    return lambda: stored(scheduler, 100)


@scenario("schedules.sync of 100, the same again")
def _(scheduler: Scheduler):
    stored(scheduler, 100)
    return lambda: stored(scheduler, 100)


@scenario("schedules.find of 100")
def _(scheduler: Scheduler):
    stored(scheduler, 100)
    return lambda: list(scheduler.schedules.find(owner="tests"))


@scenario("schedules.run_now")
def _(scheduler: Scheduler):
    stored(scheduler)
    return lambda: scheduler.schedules.run_now("s-0")


@scenario("schedules.pause")
def _(scheduler: Scheduler):
    stored(scheduler)
    return lambda: scheduler.schedules.pause("s-0")


@scenario("schedules.delete")
def _(scheduler: Scheduler):
    stored(scheduler)
    return lambda: scheduler.schedules.delete("s-0")


def count(redis: redis_py.Redis, client: redis_py.Redis, prepare: Scenario) -> Count:
    """Once to warm up (connections, scripts), and once more to count."""
    scheduler = Scheduler(connection=client)
    prepare(scheduler)()
    redis.flushall()
    action = prepare(scheduler)
    redis.config_resetstat()
    before = Counting.sent
    action()
    trips = Counting.sent - before
    told: Any = redis.info("commandstats")
    calls = Counter({name.removeprefix("cmdstat_"): each["calls"] for name, each in told.items()})
    return Count(trips, Counter({name: n for name, n in calls.items() if name.split("|")[0] not in _OF_CONNECTIONS}))


def read_table() -> dict[str, str]:
    rows = (line.split("|") for line in TABLE.read_text("utf-8").splitlines() if "|" in line)
    return {title.strip(): counted.strip() for title, counted in rows}


def record(title: str, counted: Count) -> None:
    """Writes one row, in the order of the scenarios."""
    rows = {**read_table(), title: str(counted)}
    width = max(map(len, SCENARIOS))
    comments = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("#")]
    lines = [f"{name:{width}} | {rows[name]}" for name in SCENARIOS if name in rows]
    TABLE.write_text("\n".join([*comments, *lines]) + "\n", "utf-8")


@pytest.mark.parametrize("title", SCENARIOS)
def test_costs_what_it_did(redis: redis_py.Redis, client: redis_py.Redis, title: str):
    counted = count(redis, client, SCENARIOS[title])
    if os.environ.get("RQS_RECORD_COUNTS"):
        record(title, counted)
    recorded = read_table().get(title, "")
    assert str(counted) == recorded, (
        f"{title}: {differences(recorded, str(counted))}. If that is meant, write it into tests/bench/counts.txt: "
        "RQS_RECORD_COUNTS=1 .venv/bin/python -m pytest -p no:randomly tests/bench/test_counts.py"
    )


def differences(recorded: str, counted: str) -> str:
    """Which numbers went up or down."""
    before, now = (dict(re.findall(r"(\w+) (\d+)", row)) for row in (recorded, counted))
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    ways = {name: "up" if int(now.get(name, 0)) > int(before.get(name, 0)) else "down" for name in changed}
    return ", ".join(f"{name} {ways[name]} from {before.get(name, 0)} to {now.get(name, 0)}" for name in changed)


def test_a_difference_says_what_went_up_or_down():
    told = differences("trips 1, commands 3: get 1, hset 2", "trips 1, commands 5: exists 2, get 1, hset 1")
    assert told == "commands up from 3 to 5, hset down from 2 to 1, exists up from 0 to 2"


def test_the_table_has_no_other_rows():
    assert list(read_table()) == list(SCENARIOS)
