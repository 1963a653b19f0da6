"""From what a person typed to a Redis client: host and port, URL, Sentinel, Cluster. The only module of the command
that builds connections; it sends no command itself (but for what RedisCluster does when it is built).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import sleep
from typing import Any

import click
from redis import Redis, RedisCluster, Sentinel
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.retry import Retry

from rq_scheduler.cli.addresses import ConnectionOptions, check_url, masked, parse_sentinels
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


def connect(options: ConnectionOptions) -> Connection:
    """A client for these options. Only Cluster talks to Redis here, and may raise redis-py's errors."""
    if options.sentinel:
        if options.cluster:
            raise click.UsageError("--sentinel and --cluster exclude each other: a cluster finds its own masters.")
        pairs = parse_sentinels(options.sentinel)
        common = {**_client_options(), **_QUICKLY}
        sentinel: Any = Sentinel(pairs, sentinel_kwargs={"socket_timeout": 0.5, "socket_connect_timeout": 0.5})
        return sentinel.master_for(options.sentinel_master, db=options.db, password=options.password, **common)
    if options.url:
        check_url(options.url)
    if options.cluster:
        return _connect_cluster(options)
    common = _client_options()
    if options.url:
        if options.url.startswith("unix:"):
            del common["socket_keepalive"]
        try:
            return _from_url(Redis, options.url, common)
        except (ValueError, TypeError) as error:
            raise click.BadParameter(f"{masked(options.url)!r}: {error}", param_hint="--url") from None
    return Redis(host=options.host, port=options.port, db=options.db, password=options.password, **common)


def _from_url(client: Any, url: str, common: dict[str, Any]) -> Any:
    return client.from_url(url, **common)  # redis-py leaves these keywords untyped


def _connect_cluster(options: ConnectionOptions) -> RedisCluster:
    if options.url and options.url.startswith("unix:"):
        raise click.UsageError("--cluster needs host and port: a unix socket reaches only one node.")
    if options.db:
        raise click.UsageError("a Redis Cluster has only database 0: leave out --db.")
    common: dict[str, Any] = {**_QUICKLY, "socket_keepalive": True}
    try:
        if options.url:
            return _from_url(RedisCluster, options.url, common)
        return RedisCluster(host=options.host, port=options.port, password=options.password, **common)
    except redis_errors.RedisClusterException as error:
        if "Cluster mode is not enabled" in str(error):
            raise click.UsageError(f"{options.describe()} is no cluster: leave out --cluster.") from None
        raise


def connect_patiently(
    options: ConnectionOptions, say: Callable[[str], None], pause: Callable[[float], None] = sleep
) -> Connection:
    """`connect`, waiting for a cluster that is not up yet. Says so once; other clients connect when first used."""
    for attempt in range(1_000_000):
        try:
            return connect(options)
        except redis_errors.AuthenticationError:
            raise
        except (redis_errors.RedisError, redis_errors.RedisClusterException) as error:
            if attempt == 0:
                say(f"Redis at {options.describe()} does not answer ({error}): waiting for it.")
            pause(min(1.0, 0.1 * math.pow(2, min(attempt, 6))))
    raise redis_errors.ConnectionError(f"gave up waiting for {options.describe()}")


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
