"""What running dispatchers note of the fleet, and what `scheduler.fleet` says of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from inspect import getattr_static
from typing import Any

import pytest
import redis as redis_py

from making import US, Told, now_us
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.store import Store
from rq_scheduler.store.fleet import UNSERVED_AFTER, Look
from rq_scheduler.store.keys import Keys
from support import wait_until

KEYS = Keys()
DAY = timedelta(days=1)


class Seeing(Told):
    def unserved(self, look: Look) -> None:
        self.others.append(("unserved", [line.queue for line in look.began], [line.queue for line in look.ended]))


def outages(scheduler: Scheduler) -> list[Any]:
    now = datetime.now(UTC)
    return scheduler.fleet.outages(now - DAY, now + DAY)


def long_ago(redis: redis_py.Redis) -> None:
    """The last heartbeat of anybody is ten minutes old."""
    for name in redis.zrange(KEYS.heartbeats, 0, -1):
        redis.zincrby(KEYS.heartbeats, -600, name)


def test_a_fleet_that_was_away(redis: redis_py.Redis, running: Callable[..., Dispatcher]) -> None:
    scheduler = Scheduler(connection=redis)
    assert scheduler.fleet.dispatchers() == []
    assert outages(scheduler) == []
    first = running(name="first")
    wait_until(lambda: [each.alive for each in scheduler.fleet.dispatchers()] == [True])
    first.request_stop()
    wait_until(lambda: [each.alive for each in scheduler.fleet.dispatchers()] == [False])
    assert outages(scheduler) == [], "it has just left"
    long_ago(redis)
    (going_on,) = outages(scheduler)
    assert (going_on.ended, going_on.cause) == (None, "fleet")

    running(name="second")
    wait_until(lambda: outages(scheduler)[0].ended)
    (outage,) = outages(scheduler)
    assert (outage.began, outage.cause) == (going_on.began, "fleet")
    assert [(each.name, each.alive) for each in scheduler.fleet.dispatchers()] == [("first", False), ("second", True)]


def test_an_outage_that_ends_while_it_is_read(
    redis: redis_py.Redis, running: Callable[..., Dispatcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(connection=redis)
    first = running(name="first")
    wait_until(lambda: [each.alive for each in scheduler.fleet.dispatchers()] == [True])
    first.request_stop()
    wait_until(lambda: [each.alive for each in scheduler.fleet.dispatchers()] == [False])
    long_ago(redis)
    reads: list[str] = []

    def between(name: str) -> None:
        read = getattr_static(Store, name)

        def reads_then_goes_on(store: Store, *args: Any) -> Any:
            answer = read.__get__(store, Store)(*args)
            reads.append(name)
            if len(reads) == 1:
                running(name="second")
                wait_until(lambda: redis.zcard(KEYS.outages))
            return answer

        monkeypatch.setattr(Store, name, reads_then_goes_on)

    between("last_heartbeat")
    between("outages")
    assert [outage.cause for outage in outages(scheduler)] == ["fleet"], "neither none nor two"
    assert sorted(reads) == ["last_heartbeat", "outages"]


def test_a_redis_that_was_away(
    own_server: EmbeddedRedis, running: Callable[..., Dispatcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{Dispatcher.__module__}.HEARTBEAT", 3600.0)
    with redis_py.Redis.from_url(own_server.url) as redis:
        scheduler = Scheduler(connection=redis)
        running(redis_py.Redis.from_url(own_server.url), ttl=10_800)
        wait_until(scheduler.fleet.dispatchers)
        before = redis.get(KEYS.run_id)
        long_ago(redis)
        own_server.restart()
        (outage,) = wait_until(lambda: [each for each in outages(scheduler) if each.ended])
        assert outage.cause == "redis"
        assert redis.get(KEYS.run_id) not in (None, before)


def test_a_queue_that_nobody_serves(redis: redis_py.Redis, running: Callable[..., Dispatcher]) -> None:
    redis.sadd("rq:queues", "rq:queue:reports")
    redis.rpush("rq:queue:reports", "a")
    redis.hset(KEYS.unserved, "reports", now_us(redis) - UNSERVED_AFTER * US)
    redis.sadd("rq:workers", "rq:worker:w")
    redis.hset("rq:worker:w", mapping={"queues": "default", "last_heartbeat": "2026-11-29T01:02:03.000004Z"})
    told = Seeing()
    running(events=told)
    wait_until(lambda: ("unserved", ["reports"], []) in told.others)
    fleet = Scheduler(connection=redis).fleet
    assert [each.queue for each in fleet.unserved()] == ["reports"]
    (worker,) = fleet.workers()
    assert (worker.name, worker.queues, worker.left) == ("w", ("default",), None)
    assert worker.last_heartbeat == datetime(2026, 11, 29, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "error", "message"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), InvalidArgument, "before since="),
        ("yesterday", datetime(2026, 1, 1, tzinfo=UTC), InvalidType, "since='yesterday'"),
        (datetime(2026, 1, 1, tzinfo=UTC), None, InvalidType, "until=None"),
    ],
)
def test_refuses(redis: redis_py.Redis, since: Any, until: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Scheduler(connection=redis).fleet.outages(since, until)
