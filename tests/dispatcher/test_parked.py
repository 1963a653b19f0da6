"""Dispatchers and jobs that wait until RQ's job of their id has ended: who looks, when, and what an idle one sends."""

from collections.abc import Callable

import redis as redis_py

from making import HOUR, US, Told, dispatcher, entry, finish, now_us, waiting
from rq_scheduler.dispatcher import Dispatcher, Options
from rq_scheduler.store import Store
from rq_scheduler.store.keys import Keys
from support import wait_until

KEYS = Keys()


def queued(redis: redis_py.Redis, *ids: str) -> None:
    for id in ids:
        redis.hset(f"rq:job:{id}", mapping={**entry(redis, id, 0).fields, "status": "queued"})
        redis.rpush("rq:queue:default", id)


def looks(redis: redis_py.Redis, act: Callable[[], object]) -> int:
    """Scripts that ran, beyond the one with which each pass begins."""
    redis.config_resetstat()
    act()
    return redis.info("commandstats")["cmdstat_evalsha"]["calls"] - 1


def next_look(redis: redis_py.Redis, id: str = "a") -> float:
    """Unix seconds; 0 when it is not parked."""
    return redis.zscore(KEYS.parked, id) or 0


def test_it_is_looked_at_until_it_may_go(
    redis: redis_py.Redis, store: Store, running: Callable[..., Dispatcher], told: Told, unwoken: float
) -> None:
    """By a dispatcher that slept, was told of it, and has no other reason to look."""
    running(interval=unwoken)
    wait_until(lambda: redis.pubsub_numsub(KEYS.wakeup) == [(KEYS.wakeup.encode(), 1)])
    queued(redis, "a")
    store.save([entry(redis, "a", 0)])
    first = next_look(redis)
    wait_until(lambda: next_look(redis) > first + 1.5, message="the second look")
    assert told.ids == []
    finish(redis, "a")
    wait_until(lambda: told.ids == ["a"])
    assert waiting(redis) == ["a"]


def test_nothing_is_asked_while_none_is_due_for_a_look(redis: redis_py.Redis, still: Store) -> None:
    one = dispatcher(redis, options=Options(rq_registries=False), store=still)
    one.dispatch_once()
    assert looks(redis, one.dispatch_once) == 0
    queued(redis, "a")
    still.save([entry(redis, "a", now_us(redis) + HOUR)])
    assert next_look(redis) > 0
    assert looks(redis, one.dispatch_once) == 0
    redis.zadd(KEYS.parked, {"a": 0})
    assert looks(redis, one.dispatch_once) == 1
    assert one.dispatch_once().next_due == round(next_look(redis) * US)


def test_another_pass_follows_where_one_is_due_at_once(redis: redis_py.Redis, store: Store) -> None:
    queued(redis, "a", "b")
    store.save([entry(redis, "a", 0), entry(redis, "b", now_us(redis) + HOUR)])
    for id in ("a", "b"):
        finish(redis, id)
        redis.zadd(KEYS.parked, {id: 0})
    told = Told()
    dispatcher(redis, told).run(burst=True)
    assert told.ids == ["a"]
    assert redis.zrange(KEYS.scheduled_jobs, 0, -1) == [b"b"]


def test_many_are_looked_at_a_step_at_a_time(redis: redis_py.Redis, store: Store) -> None:
    ids = [f"j{n}" for n in range(250)]
    queued(redis, *ids)
    store.save([entry(redis, id, 0) for id in ids])
    for id in ids:
        finish(redis, id)
    redis.zadd(KEYS.parked, dict.fromkeys(ids, 0))
    told = Told()
    dispatcher(redis, told).run(burst=True)
    assert sorted(told.ids) == sorted(ids)
    assert sorted(waiting(redis)) == sorted(ids)


def test_nobody_looks_while_a_0_14_daemon_is_in_its_pass(redis: redis_py.Redis, store: Store) -> None:
    queued(redis, "a")
    store.save([entry(redis, "a", 0)])
    finish(redis, "a")
    redis.zadd(KEYS.parked, {"a": 0})
    redis.set(KEYS.fence, "1767225600.0", px=60_000)
    assert dispatcher(redis).dispatch_once().fenced is not None
    assert redis.zrange(KEYS.parked, 0, -1, withscores=True) == [(b"a", 0.0)]
    redis.delete(KEYS.fence)
