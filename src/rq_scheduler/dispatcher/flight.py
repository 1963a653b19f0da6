"""Calls to Redis that go on while others are prepared, so that Redis need not wait for Python.

Owns their threads, and whether there may be any. Knows nothing of what is called.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from rq_scheduler.jobs import Connection

T = TypeVar("T")

ROOM = 16
"""Connections that a pool has to allow before several of them are used at once: an application may share it."""


class Flights:
    """Launches calls that use one client. `alone`: never two at once."""

    def __init__(self, connection: Connection, *, alone: bool = False) -> None:
        self.alone = alone
        self._has_room = (
            not alone
            and isinstance(connection, Redis)
            and getattr(connection, "connection", None) is None  # a client with a single connection has no other
            and getattr(connection.connection_pool, "max_connections", 0) >= ROOM
        )

    def launch(self, call: Callable[[], T], *, aside: bool) -> Callable[[], T]:
        """Makes the call, in a thread of its own if `aside` and there is room. What is returned waits for its result,
        or raises its error."""
        flight: Future[T] = Future()

        def run() -> None:
            try:
                flight.set_result(call())
            except BaseException as error:  # noqa: BLE001  raised where the result is asked for
                flight.set_exception(error)

        def result() -> T:
            try:
                return flight.result()
            except RedisConnectionError as error:
                if not (in_thread and self.heed(error)):
                    raise
                return call()  # nothing was sent

        in_thread = aside and self._has_room and _start(run)
        if not in_thread:
            run()
        return result

    def heed(self, error: Exception) -> bool:
        """Whether others have used up the pool. Then there is one call at a time from now on."""
        if not (isinstance(error, RedisConnectionError) and "Too many connections" in str(error)):
            return False
        self._has_room = False
        return True


def _start(run: Callable[[], None]) -> bool:
    """Whether there is a thread for it. A daemon: a process that is told to end at once does not wait for Redis."""
    try:
        Thread(target=run, daemon=True).start()
    except RuntimeError:  # the host has no more
        return False
    return True
