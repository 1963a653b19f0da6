"""Entries that come to quarantine, each with a fault that can be mended, and a dispatcher that serves what is back."""

from datetime import UTC, datetime
from typing import Any

import redis as redis_py

from making import (
    US,
    Told,
    add,
    dispatcher,
    entry,
    make_job,
    now_us,
    recurring,
)
from rq_scheduler.dispatcher import Options
from rq_scheduler.model import Spec
from rq_scheduler.store import Store

KEY = "rq:scheduler:quarantine"
RQ_REGISTRY = "rq:scheduled:default"
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def serve(redis: redis_py.Redis, **options: Any) -> Told:
    """Two passes; what they told. (The first takes RQ's registries on.)"""
    told = Told()
    one = dispatcher(redis, told, options=Options(rq_overdue="run"), **options)
    one.dispatch_once()
    one.dispatch_once()
    return told


def one_off(redis: redis_py.Redis, store: Store, id: str = "a", **options: Any) -> int:
    """In quarantine, because what stands under its queue's name is none."""
    redis.set("rq:queue:odd", "no list")
    due = now_us(redis) - US
    add(store, entry(redis, id, due, origin="odd", **options))
    serve(redis)
    assert redis.hexists(KEY, id)
    return due


def rqs_own(redis: redis_py.Redis, id: str = "a") -> None:
    """A job of RQ's own scheduler that has lost its data."""
    job = make_job(redis, id)
    redis.hset(job.key, mapping=job.to_dict())
    data = redis.hget(job.key, "data")
    redis.hdel(job.key, "data")
    redis.zadd(RQ_REGISTRY, {id: now_us(redis) // US - 1})
    redis.sadd("rq:queues", "rq:queue:default")
    serve(redis)
    assert redis.hexists(KEY, id)
    redis.hset(job.key, "data", data)  # type: ignore[arg-type]


def recurring_job(redis: redis_py.Redis, store: Store, id: str = "a", *, spec: Spec, **options: Any) -> int:
    redis.set("rq:queue:odd", "no list")
    due = now_us(redis) - US
    add(store, recurring(redis, id, due, spec=spec, origin="odd", **options))
    serve(redis)
    assert redis.hexists(KEY, id)
    return due


def mend(redis: redis_py.Redis) -> None:
    redis.delete("rq:queue:odd")
