"""What is given as the connection: refused when the Scheduler is built, with the remedy, unless it works."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
import redis as redis_py
import redis.asyncio as redis_asyncio
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel
from rq import Queue

from rq_scheduler import Scheduler
from rq_scheduler.errors import InvalidArgument, InvalidConnection, InvalidType

SECRET = "redis://:hunter2@db:6379/0"
SENTINEL = Sentinel([("db", 26379)])


class Proxy:
    """An application's own, around a client: a flask.LocalProxy, or one that counts."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (lambda: None, r"connection is required: Scheduler\(..., connection=Redis\(\)\)"),
    "URL": (lambda: SECRET, r"Redis.from_url\(...\)"),
    "URL in bytes": (SECRET.encode, r"Redis.from_url\(...\)"),
    "class": (lambda: redis_py.Redis, r"the class redis.client.Redis, .* Redis\(\)"),
    "asynchronous client": (redis_asyncio.Redis, "RQ is synchronous"),
    "asynchronous cluster": (lambda: object.__new__(redis_asyncio.RedisCluster), "RQ is synchronous"),
    "asynchronous pool": (redis_asyncio.ConnectionPool, "RQ is synchronous"),
    "asynchronous sentinel": (lambda: AsyncSentinel([("db", 26379)]), "RQ is synchronous"),
    "asynchronous pipeline": (lambda: redis_asyncio.Redis().pipeline(), "RQ is synchronous"),
    "another's asynchronous client": (AsyncMock, "RQ is synchronous"),
    "pool": (redis_py.ConnectionPool, r"Redis\(connection_pool=pool\)"),
    "blocking pool": (redis_py.BlockingConnectionPool, r"Redis\(connection_pool=pool\)"),
    "pool of a sentinel's": (lambda: SENTINEL.master_for("m").connection_pool, r"Redis\(connection_pool=pool\)"),
    "sentinel": (lambda: SENTINEL, r"sentinel.master_for\("),
    "pipeline": (lambda: redis_py.Redis().pipeline(), "the one that the pipeline is of"),
    "cluster's pipeline": (lambda: object.__new__(redis_py.cluster.ClusterPipeline), "the one that the pipeline is of"),
    "subscription": (lambda: redis_py.Redis().pubsub(), "redis.RedisCluster"),
    "socket": (redis_py.Connection, "redis.RedisCluster"),
    "queue": (lambda: Queue(connection=redis_py.Redis()), "queue.connection"),
    "settings": (lambda: {"host": "db", "password": "hunter2"}, "redis.RedisCluster"),
    "number": (lambda: 6379, "redis.RedisCluster"),
    "path": (lambda: Path("/run/redis.sock"), "redis.RedisCluster"),
    "function": (lambda: lambda: redis_py.Redis(), "redis.RedisCluster"),
}


def test_a_url_in_the_place_of_a_queue_is_not_shown(redis: redis_py.Redis) -> None:
    with pytest.raises(InvalidType, match=r"queue is a str and no rq\.Queue") as refused:
        Scheduler("default", SECRET, connection=redis)  # type: ignore[arg-type]
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_client(name: str) -> None:
    async def build() -> None:  # some of redis.asyncio's want a loop to be made at all
        make, remedy = WRONG[name]
        given = make()
        with pytest.raises(InvalidConnection, match=remedy) as refused:
            Scheduler(connection=given)
        assert "hunter2" not in str(refused.value)
        assert isinstance(refused.value, InvalidType)
        assert isinstance(refused.value, InvalidArgument), "0.14 raises ValueError without a connection"

    asyncio.run(build())


@pytest.mark.parametrize("name", [name for name in WRONG if name != "queue"])
def test_nor_does_a_queue_bring_one(redis: redis_py.Redis, name: str) -> None:
    async def build() -> None:
        queue = Queue(connection=redis)
        queue.connection = WRONG[name][0]()
        with pytest.raises(InvalidConnection, match="the connection of queue"):
            Scheduler(queue=queue, connection=redis)

    asyncio.run(build())


def test_a_client_of_valkey_py() -> None:
    """Its errors are other classes than RQ's and ours."""
    given = type("Valkey", (), {"__module__": "valkey.client"})()
    with pytest.raises(InvalidConnection, match=r"redis\.Redis: it talks to Valkey servers too"):
        Scheduler(connection=given)


def test_clients_of_every_kind(redis: redis_py.Redis) -> None:
    for client in (
        redis,
        Proxy(redis),
        redis.client(),
        SENTINEL.master_for("m"),
        object.__new__(redis_py.RedisCluster),
        MagicMock(spec=redis_py.Redis),
        MagicMock(),
    ):
        assert Scheduler(connection=client).connection is client
    assert Scheduler(connection=Proxy(redis)).count() == 0  # type: ignore[arg-type]
