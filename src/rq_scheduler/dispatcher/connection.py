"""What a dispatcher needs of its connection, which may be an application's: errors at once, and no endless wait."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry

__all__ = ["TIMEOUT", "is_demoted", "let_go", "with_timeout", "without_retries"]

TIMEOUT = 10.0
"""Seconds for a call of Redis, where the connection says nothing of that: a Redis that hangs is then seen to."""


def is_demoted(error: BaseException) -> bool:
    """Whether a master of former times refused a write. Redis 6.2 tells so from within a script by its text alone."""
    return isinstance(error, ReadOnlyError) or "read only replica" in str(error)


def let_go(connection: Any) -> None:
    """Closes the idle connections, so that the next call goes to whoever is master now: behind one name, a connection
    that stays open stays with the old one. A cluster client follows by itself."""
    if isinstance(connection, Redis):
        with suppress(TypeError):  # the BlockingConnectionPool of redis-py 5 closes all or none
            connection.connection_pool.disconnect(inuse_connections=False)


@contextmanager
def without_retries(connection: Any) -> Generator[None]:
    """redis-py's own retries would hide a lost Redis for many seconds, and a signal with it; the loop has its own.

    A cluster client needs them to follow its slots.
    """
    if not isinstance(connection, Redis):
        yield
        return
    retry = connection.get_retry()
    connection.set_retry(Retry(NoBackoff(), 0))
    try:
        yield
    finally:
        if retry is not None:
            connection.set_retry(retry)


@contextmanager
def with_timeout(connection: Any) -> Generator[float]:
    """Gives a connection without a timeout one. Yields the seconds that a call may take, 0 where that is not known (a
    cluster client has one of its own for each node)."""
    if not isinstance(connection, Redis):
        yield 0.0
        return
    options: dict[str, Any] = connection.connection_pool.connection_kwargs
    given = options.get("socket_timeout")
    if given is not None:
        yield float(given)
        return
    options["socket_timeout"] = TIMEOUT
    let_go(connection)  # those that are open have none
    try:
        yield TIMEOUT
    finally:
        options["socket_timeout"] = None
