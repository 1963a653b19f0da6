"""From what a person typed to a Redis client: host and port, URL, Sentinel, Cluster. The only module of the command
that builds connections; it sends no command itself (but for what RedisCluster does when it is built).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import click
from redis import Redis, RedisCluster, Sentinel
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.retry import Retry

from rq_scheduler.cli.addresses import Address, ConnectionOptions, GivenClient
from rq_scheduler.store import Store

__all__ = ["Connection", "check_cluster_prefix", "connect", "connect_patiently"]

Connection = Redis | RedisCluster

# A master whose host vanished, or froze, is waited for in vain while another has long been promoted.
_QUICKLY: dict[str, Any] = {"socket_timeout": 1, "socket_connect_timeout": 1}


def _client_options() -> dict[str, Any]:
    # No retries inside redis-py: the dispatcher backs off itself, says so, and stays able to end within a second.
    # The timeouts free a process whose peer vanished without a word.
    return {
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 30,
        "retry": Retry(NoBackoff(), 0),
    }


def connect(options: ConnectionOptions, *, quickly: bool = False) -> Connection:
    """A client for these options, which gives up soon on a server that does not answer if it is asked to. Only Cluster
    talks to Redis here, and may raise redis-py's errors."""
    if isinstance(options, GivenClient):
        client: Any = options.make()
        if isinstance(client, Redis):
            client.set_retry(Retry(NoBackoff(), 0))
        return client
    options.check()
    if options.sentinels:
        if options.cluster:
            raise click.UsageError("--sentinel and --cluster exclude each other: a cluster finds its own masters.")
        common = {**_client_options(), **_QUICKLY}
        asked = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}
        sentinel: Any = Sentinel(options.sentinels, sentinel_kwargs=asked)
        return sentinel.master_for(options.sentinel_master, db=options.db, password=options.password, **common)
    address = options.address
    if options.cluster:
        return _connect_cluster(address)
    keywords: dict[str, Any] = {**_client_options(), **(_QUICKLY if quickly else {}), **address.keywords}
    if address.scheme == "unix":
        return Redis(unix_socket_path=address.path, db=address.db, **keywords)
    return Redis(host=address.host, port=address.port, db=address.db, ssl=address.scheme == "rediss", **keywords)


def _connect_cluster(address: Address) -> RedisCluster:
    if address.scheme == "unix":
        raise click.UsageError("--cluster needs host and port: a unix socket reaches only one node.")
    if address.db:
        raise click.UsageError("a Redis Cluster has only database 0: leave out --db.")
    keywords: dict[str, Any] = {**_QUICKLY, "socket_keepalive": True, **address.keywords}
    if address.scheme == "rediss":
        keywords["ssl"] = True
    try:
        return RedisCluster(host=address.host, port=address.port, **keywords)
    except redis_errors.RedisClusterException as error:
        if "Cluster mode is not enabled" in str(error):
            raise click.UsageError(f"{address.shown} is no cluster: leave out --cluster.") from None
        # redis-py's words for every node that it asked in vain; what the last of them said is the cause.
        if isinstance(error.__cause__, redis_errors.AuthenticationError | redis_errors.AuthorizationError):
            raise error.__cause__ from None
        raise redis_errors.ConnectionError(f"{error}.") from error


def connect_patiently(
    options: ConnectionOptions,
    say: Callable[[str], None],
    pause: Callable[[float], None] = sleep,
    *,
    patience: float = math.inf,
) -> Connection:
    """`connect`, waiting for a cluster that is not up yet. Says so once; other clients connect when first used.

    Whoever has only so much patience, in seconds, gets a client that does not wait long for an answer either."""
    began, attempt = monotonic(), 0
    while True:
        try:
            return connect(options, quickly=patience < math.inf)
        except (redis_errors.AuthenticationError, redis_errors.AuthorizationError):
            raise
        except redis_errors.RedisError as error:
            if monotonic() - began > patience:
                raise
            if attempt == 0:
                say(f"Redis at {options.describe()} does not answer ({error}): waiting for it.")
            pause(min(1.0, 0.1 * math.pow(2, min(attempt, 6))))
            attempt += 1


def check_cluster_prefix(connection: Connection) -> None:
    """A usage error for a Redis Cluster under a key prefix that would spread a site's keys over several slots."""
    if not isinstance(connection, RedisCluster):
        return
    prefix = Store(connection).keys.prefix
    if "{" not in prefix or "}" not in prefix:
        raise click.UsageError(
            f"on a Redis Cluster all keys of a site must share one slot, and the key prefix {prefix!r} has no hash "
            "tag. Set RQ_KEY_PREFIX='{site}' (RQ 3 or newer) for clients, workers and dispatchers alike."
        )
