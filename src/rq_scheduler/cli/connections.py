"""From what a person typed to a Redis client: host and port, URL, Sentinel, Cluster. The only module of the command
that builds connections; it sends no command itself (but for what RedisCluster does when it is built).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import Any
from urllib.parse import urlsplit

import click
from redis import Redis, RedisCluster, Sentinel
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.retry import Retry

__all__ = ["Connection", "ConnectionOptions", "connect", "connect_patiently", "parse_sentinels"]

Connection = Redis | RedisCluster

SENTINEL_PORT = 26379
SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True)
class ConnectionOptions:
    """Where Redis is. A URL wins over host, port, db and password; Sentinel over both."""

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    password: str | None = None
    url: str | None = None
    sentinel: str | None = None
    sentinel_master: str = "mymaster"
    cluster: bool = False

    def describe(self) -> str:
        """For a log line: where we connect to, never a password."""
        if self.sentinel:
            return f"{self.sentinel_master} by way of the sentinels {self.sentinel}"
        if not self.url:
            return f"redis://{self.host}:{self.port}/{self.db}"
        return _masked(self.url)


def parse_sentinels(text: str) -> list[tuple[str, int]]:
    """`host:port,host,[::1]:port` as pairs; the port is 26379 unless given."""
    pairs: list[tuple[str, int]] = []
    for item in (part.strip() for part in text.split(",")):
        if item.startswith("["):
            host, _, rest = item[1:].partition("]")
            port_text = rest.removeprefix(":")
        else:
            host, _, port_text = item.partition(":")
        port = SENTINEL_PORT if not port_text else int(port_text) if port_text.isascii() and port_text.isdigit() else 0
        if not host or not 0 < port < 65536:
            raise click.BadParameter(
                f"{item!r} in {text!r} is not host:port. Write for example 10.0.0.1:26379,10.0.0.2:26379.",
                param_hint="--sentinel",
            )
        pairs.append((host, port))
    return pairs


def _masked(url: str) -> str:
    """The URL as it may be shown: whatever stands where a password does is hidden, well-formed or not."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, _ = head.rpartition("://")
    shown = f"{scheme}{slashes}***@{tail}" if at else url
    return shown.partition("?")[0]


def _check_url(url: str) -> None:
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise click.BadParameter(
            f"{_masked(url)!r} has no scheme that redis-py knows. Write redis://[:password@]host:port/db, "
            "rediss://... for TLS, or unix:///path/to/redis.sock?db=0.",
            param_hint="--url",
        )
    try:
        port = urlsplit(url).port
    except ValueError:
        port = 0
    if port == 0:
        raise click.BadParameter(f"the port in {_masked(url)!r} is not a number from 1 to 65535.", param_hint="--url")
    try:
        (urlsplit(url).hostname or "").encode("idna")
    except UnicodeError:
        raise click.BadParameter(f"{_masked(url)!r} names no host.", param_hint="--url") from None


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
        _check_url(options.url)
    if options.cluster:
        return _connect_cluster(options)
    common = _client_options()
    if options.url:
        if options.url.startswith("unix:"):
            del common["socket_keepalive"]
        try:
            return _from_url(Redis, options.url, common)
        except (ValueError, TypeError) as error:
            raise click.BadParameter(f"{_masked(options.url)!r}: {error}", param_hint="--url") from None
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
