"""Whether the connection and the queue that an application gives are what a Scheduler can use: found when it is built,
not at its first call.

A message names the kind of what was given, and never shows it: a URL has a password in it.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

import redis
from redis import Redis, RedisCluster
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.asyncio.cluster import ClusterPipeline as AsyncClusterPipeline
from redis.asyncio.connection import ConnectionPool as AsyncConnectionPool
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.client import Pipeline
from redis.cluster import ClusterPipeline
from redis.connection import ConnectionPool
from redis.sentinel import Sentinel
from rq import Queue, Worker

from rq_scheduler.errors import InvalidConnection
from rq_scheduler.jobs import Connection
from rq_scheduler.warn import warn_once

__all__ = ["require_async_client", "require_client", "warn_about_synchronous_queues"]

_READS_ALL_AS_TEXT = redis.__version__.startswith("5.0.")

_NEEDED = ("execute_command", "get_encoder", "pipeline", "pubsub")
"""What a client has, whoever wrote it: redis-py, fakeredis, or an application that puts its own around one."""


def require_client(connection: Any, name: str = "connection") -> Connection:
    """The connection. Raises InvalidConnection, with what to give instead, unless it is a synchronous client."""
    if connection is None:
        raise InvalidConnection(f"{name} is required: Scheduler(..., connection=Redis())")
    if remedy := _remedy(connection):
        raise InvalidConnection(f"{name} is {_kind(connection)}, and has to be a client: {remedy}")
    return connection


def require_async_client(connection: Any) -> Any:
    """The connection. Raises InvalidConnection, with what to give instead, unless it is a client of redis.asyncio."""
    if connection is None:
        raise InvalidConnection("connection is required: AsyncScheduler(..., connection=redis.asyncio.Redis())")
    if remedy := _async_remedy(connection):
        raise InvalidConnection(f"connection is {_kind(connection)}, and has to be a client of redis.asyncio: {remedy}")
    if _READS_ALL_AS_TEXT and connection.get_connection_kwargs().get("decode_responses"):
        raise InvalidConnection(
            f"connection has decode_responses=True, with which redis-py {redis.__version__} reads all replies on a "
            "loop as text, and a job is none: upgrade it to 5.1 or newer, or give a client that does not decode"
        )
    return connection


def warn_about_synchronous_queues(queue: Queue | None, queue_class: type[Queue], connection: Connection) -> None:
    """Warn, once per call site, about queues that run jobs at once: nothing does when a job is due later."""
    if queue is not None and not queue.is_async:
        warn_once(
            "is-async",
            f"queue {queue.name!r} has is_async=False, which is for jobs that are enqueued now: scheduled jobs are "
            "queued all the same when they are due, and wait for a worker (in a test, a SimpleWorker in burst mode)",
        )
    elif queue_class is not Queue and not _makes_asynchronous(queue_class, connection):
        warn_once(
            "is-async",
            f"queue_class={queue_class.__name__} makes queues with is_async=False: scheduled jobs are queued all the "
            "same by an `rqscheduler`, and wait for a worker; only enqueue_job(), enqueue_jobs() and run() of this "
            "Scheduler run them at once, in this process",
        )


def _makes_asynchronous(queue_class: type[Queue], connection: Connection) -> bool:
    try:
        return queue_class("default", connection=cast("Any", connection)).is_async
    except Exception:  # noqa: BLE001  an application's class may want what it gets at the hand-off alone
        return True


def _remedy(given: Any) -> str | None:
    """What to give instead; None where it is a client."""
    modules = [each.__module__ for each in type(given).__mro__]
    if isinstance(given, type):
        return f"make one of the class, such as {given.__name__}()"
    if isinstance(given, str | bytes):
        return "Redis.from_url(...) makes one of a URL"
    if any(module.startswith("redis.asyncio") for module in modules) or inspect.iscoroutinefunction(
        getattr(given, "execute_command", None)
    ):
        return "RQ is synchronous, so give a redis.Redis; AsyncScheduler is for clients of redis.asyncio"
    if isinstance(given, Pipeline | ClusterPipeline):
        return "the one that the pipeline is of, since each call has to see what Redis answers"
    if isinstance(given, ConnectionPool):
        return "Redis(connection_pool=pool) is one on the pool"
    if isinstance(given, Sentinel):
        return "sentinel.master_for('NAME OF THE MASTER') gives the master's"
    if isinstance(given, Queue | Worker):
        return "its own is queue.connection"
    if any(module.partition(".")[0] == "valkey" for module in modules):
        return "RQ takes redis-py's, so give a redis.Redis: it talks to Valkey servers too"
    if not all(callable(getattr(given, method, None)) for method in _NEEDED):
        return "give a redis.Redis or a redis.RedisCluster, such as Redis.from_url('redis://localhost:6379/0')"
    return None


def _async_remedy(given: Any) -> str | None:
    """The same of an asyncio client."""
    if isinstance(given, type):
        return f"make one of the class, such as {given.__name__}()"
    if isinstance(given, str | bytes):
        return "redis.asyncio.Redis.from_url(...) makes one of a URL"
    if isinstance(given, AsyncPipeline | AsyncClusterPipeline):
        return "the one that the pipeline is of, since each call has to see what Redis answers"
    if isinstance(given, AsyncConnectionPool):
        return "redis.asyncio.Redis(connection_pool=pool) is one on the pool"
    if isinstance(given, AsyncSentinel):
        return "sentinel.master_for('NAME OF THE MASTER') gives the master's"
    if isinstance(given, Redis | RedisCluster):
        return "this one is synchronous, and Scheduler is for those"
    if not inspect.iscoroutinefunction(getattr(given, "execute_command", None)) or not all(
        callable(getattr(given, method, None)) for method in ("get_encoder", "pipeline")
    ):
        return "give a redis.asyncio.Redis or RedisCluster, such as Redis.from_url('redis://localhost:6379/0')"
    return None


def _kind(given: Any) -> str:
    kind = given if isinstance(given, type) else type(given)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"the class {name}" if isinstance(given, type) else f"a {name}"
