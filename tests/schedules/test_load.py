"""`schedules.load`: what is due in each queue, read from Redis, against the instants of each schedule."""

from collections import Counter
from datetime import timedelta

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Schedule, Scheduler
from rq_scheduler.client.schedules import QueueLoad, Schedules
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import after

pytestmark = pytest.mark.once


def took(redis: redis_py.Redis, id: str, seconds: int) -> None:
    redis.hset(f"rq:scheduler:schedule:{id}", "ends", f"9 0 0 - - - {seconds * 1_000_000} .........")


def worker(redis: redis_py.Redis, name: str, queues: str) -> None:
    redis.sadd("rq:workers", f"rq:worker:{name}")
    redis.hset(f"rq:worker:{name}", mapping={"queues": queues, "birth": "x"})


@pytest.fixture(autouse=True)
def _manual(dispatcher: ManualDispatcher) -> None:
    """At START, a Monday at noon."""


def of_queue(schedules: Schedules, name: str = "default", **asked: object) -> QueueLoad:
    (found,) = [one for one in schedules.load(**asked).queues if one.queue == name]  # pyright: ignore[reportArgumentType]
    return found


def test_every_run_is_counted_in_its_minute(schedules: Schedules, clock: ManualClock) -> None:
    schedules.put("a", Every("90s"), jobs.nothing)
    clock.move_to(after(20))
    schedules.put("b", Every("90s"), jobs.nothing)
    schedules.put("c", Cron("*/7 * * * *", "Europe/Paris"), jobs.nothing)
    schedules.put("d", Cron("*/10 * * * *"), jobs.nothing, jitter="8m")
    schedules.put("e", Every("1s"), jobs.nothing)
    schedules.put("f", Cron("*/10 * * * *"), jobs.nothing, max_runs=3)
    schedules.put("paused", Every("1s"), jobs.nothing, paused=True)
    found = of_queue(schedules, within="3h")
    wanted = Counter[int]()
    for one in schedules:
        for due in one.upcoming(20_000):
            if due < after(20, hours=3):
                wanted[(due - after()) // timedelta(minutes=1)] += 1
    assert list(found.by_minute) == [wanted[minute] for minute in range(181)]
    assert (found.schedules, found.exact, found.runs) == (6, True, sum(wanted.values()))
    assert [hour.runs for hour in found.hours] == [sum(wanted[60 * h + m] for m in range(60)) for h in range(4)]


@pytest.mark.leaves("rq:worker*")
def test_more_than_the_workers_can_take(schedules: Schedules, redis: redis_py.Redis) -> None:
    for n in range(30):
        schedules.put(f"s{n:02}", Cron("30 * * * *"), jobs.nothing, queue_name="q")
        took(redis, f"s{n:02}", 10)
    schedules.put("new", Cron("45 12 * * *"), jobs.nothing, queue_name="q")
    worker(redis, "w1", "q,other")
    worker(redis, "w2", "q")
    found = of_queue(schedules, "q", within="1h")
    (peak,) = found.peaks
    # 300 seconds of work in a minute of 120: two more until it has drained.
    assert (peak.began, peak.drained, peak.minutes, peak.runs) == (after(minutes=30), after(minutes=32), 1, 30)
    assert peak.wait == timedelta(seconds=90)
    assert [(one.runs, one.schedules, one.ids[0]) for one in peak.crowd] == [(30, 30, "s00")]
    assert (found.workers, found.work, found.unknown) == (2, timedelta(seconds=310), 1)
    assert found.assumed == timedelta(seconds=10)
    assert found.jitter == timedelta(minutes=2)
    for one in schedules.find_iter(queue_name="q"):
        schedules.update(one.id, jitter=found.jitter)
    assert all(peak.wait <= timedelta(minutes=1) for peak in of_queue(schedules, "q", within="1h").peaks)


@pytest.mark.leaves("rq:worker*")
def test_with_a_definition_that_is_not_put(schedules: Schedules, redis: redis_py.Redis) -> None:
    for n in range(6):
        schedules.put(f"s{n}", Cron("30 12 * * *"), jobs.nothing, queue_name="q")
        took(redis, f"s{n}", 10)
    worker(redis, "w", "q")
    new = Schedule("new", Cron("30 12 * * *"), jobs.nothing, queue_name="q")
    assert of_queue(schedules, "q").peaks == ()
    assert [peak.runs for peak in of_queue(schedules, "q", adding=new).peaks] == [7]
    moved = Schedule("s0", Cron("40 12 * * *"), jobs.nothing, queue_name="q")
    assert of_queue(schedules, "q", adding=moved).by_minute[30] == 5
    assert "new" not in schedules


def test_nothing_is_said_of_a_queue_without_workers(schedules: Schedules) -> None:
    schedules.put("a", Every("1s"), jobs.nothing)
    found = of_queue(schedules)
    assert (found.workers, found.peaks, found.jitter, found.assumed) == (0, (), None, None)


def test_of_one_queue(scheduler: Scheduler) -> None:
    scheduler.schedules.put("a", Every("1h"), jobs.nothing, queue_name="q")
    scheduler.schedules.put("b", Every("1h"), jobs.nothing)
    assert [one.queue for one in scheduler.schedules.load(queue_name="q").queues] == ["q"]
    assert scheduler.schedules.load(queue_name="none").queues == ()
    with pytest.raises(InvalidArgument, match="too far ahead"):
        scheduler.schedules.load(within="30d")
