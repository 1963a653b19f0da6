"""What `status` and `check` read: a fixed number of round trips, or one for so many of what they have to look at."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py

from rq_scheduler.client.health import read_health
from rq_scheduler.store.survey import Survey


class Counting(redis_py.Connection):
    """Counts how often something is sent."""

    sent = 0

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        Counting.sent += 1
        super().send_packed_command(*args, **options)


@pytest.fixture
def survey(redis: redis_py.Redis) -> Iterator[Survey]:
    place = {name: redis.get_connection_kwargs()[name] for name in ("host", "port")}
    pool = redis_py.ConnectionPool(connection_class=Counting, **place)
    yield Survey(redis_py.Redis(connection_pool=pool))
    pool.disconnect()


def trips(act: Callable[[], Any]) -> int:
    act()
    before = Counting.sent
    act()
    return Counting.sent - before


def queues(redis: redis_py.Redis, number: int) -> list[str]:
    """So many queues with a job each, in RQ's registry too: half of those are overdue."""
    names = [f"q{n:04d}" for n in range(number)]
    with redis.pipeline() as pipe:
        for n, name in enumerate(names):
            pipe.sadd("rq:queues", f"rq:queue:{name}")
            pipe.rpush(f"rq:queue:{name}", "x")
            pipe.zadd(f"rq:scheduled:{name}", {"x": 5 if n % 2 else 4e9, "y": 4e9})
        pipe.execute()
    return names


def test_many_queues_are_asked_for_together(redis: redis_py.Redis, survey: Survey) -> None:
    names = queues(redis, 300)
    found = survey.rq_registries([*names, "empty"])
    assert [(one.queue, one.total, one.overdue) for one in found] == [(name, 2, n % 2) for n, name in enumerate(names)]
    assert [one.oldest for one in found[:2]] == [4_000_000_000_000_000, 5_000_000]
    assert trips(lambda: survey.rq_registries(names)) == trips(lambda: survey.rq_registries(names[:3])) == 4
    queues(redis, 2500)
    redis.set("rq:queue:odd", "no queue")
    assert trips(lambda: survey.queue_lengths(survey.queue_names())) <= 12
    lengths = survey.queue_lengths(["odd", "unknown", *survey.queue_names()])
    assert lengths == {"unknown": 0, **dict.fromkeys(survey.queue_names(), 1), **dict.fromkeys(names, 2)}


def test_the_longest_of_many_queues(redis: redis_py.Redis, survey: Survey) -> None:
    queues(redis, 2500)
    redis.rpush("rq:queue:q0007", "x", "x")
    redis.rpush("rq:queue:odd", "x", "x", "x")
    redis.sadd("rq:queues", "odd")  # not as RQ names it
    redis.set("rq:queue:q0008", "no queue")
    found = survey.longest_queues(2)
    assert len(found) < 2501, "not all of them, where some are longer"
    assert {name: jobs for name, jobs in found.items() if jobs > 1} == {"q0007": 3, "odd": 3}
    assert "q0008" not in found
    assert trips(lambda: survey.longest_queues(2)) <= 4
    redis.delete("rq:queues")
    assert survey.longest_queues(2) == {}
    redis.set("rq:queues", "no set")
    assert survey.longest_queues(2) == {}


def test_how_many_workers_listen_on_a_queue(redis: redis_py.Redis, survey: Survey) -> None:
    workers = {"a": {"queues": "high,low,high"}, "b": {"queues": "low"}, "dead": {"queues": "low", "death": "x"}}
    for name, fields in {**workers, "new": {"birth": "x"}, "idle": {"queues": ""}}.items():
        redis.hset(f"rq:worker:{name}", mapping=fields)
        redis.sadd("rq:workers", f"rq:worker:{name}")
    redis.set("rq:worker:odd", "no worker")
    redis.sadd("rq:workers", "rq:worker:odd", "rq:worker:gone")
    assert survey.listened_queues() == {"high": 1, "low": 2}
    assert trips(survey.listened_queues) == 2, "not one for each worker"


def test_queues_that_only_workers_know_are_shown_too(redis: redis_py.Redis, survey: Survey) -> None:
    queues(redis, 1)
    redis.hset("rq:worker:a", "queues", "q0000,idle")
    redis.sadd("rq:workers", "rq:worker:a")
    found = read_health(survey, "here")
    assert (found.queues, found.heard) == ({"q0000": 1, "idle": 0}, {"q0000": 1, "idle": 1})


def test_a_registry_that_is_none_hides_no_other(redis: redis_py.Redis, survey: Survey) -> None:
    queues(redis, 2)
    redis.set("rq:scheduled:odd", "x")
    assert [one.queue for one in survey.rq_registries(["odd", "q0000", "q0001"])] == ["q0000", "q0001"]


def test_many_daemons_are_asked_for_together(redis: redis_py.Redis, survey: Survey) -> None:
    for n in range(50):
        redis.hset(f"rq:scheduler_instance:d{n:02d}", "pid", n)
        redis.expire(f"rq:scheduler_instance:d{n:02d}", 60)
    redis.set("rq:scheduler_instance:odd", "x", ex=60)
    found = survey.daemons()
    assert [(one.name, one.fields.get("pid")) for one in found] == [
        *((f"d{n:02d}", str(n)) for n in range(50)), ("odd", None),
    ]  # fmt: skip
    assert all(50 < one.ttl <= 60 for one in found)
    assert trips(survey.daemons) <= 3


def test_status_costs_the_same_whatever_is_stored(redis: redis_py.Redis, survey: Survey) -> None:
    costs: list[int] = []
    for number in (100, 5_000):
        keys = survey.keys
        for key in (keys.scheduled_jobs, keys.due_schedules, keys.schedules, keys.schedules_of("jobs")):
            redis.zadd(key, {f"s{n:05d}": n for n in range(number)})
        costs.append(trips(lambda: read_health(survey, "here")))
    assert costs[0] == costs[1]
    assert read_health(survey, "here").counts.schedules == 5_000
