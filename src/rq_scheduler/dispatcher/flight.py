"""Calls to Redis that go on while others are prepared, so that Redis need not wait for Python.

Owns their threads, and whether there may be any. Knows nothing of what is called.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from redis import Redis

from rq_scheduler.jobs import Connection

T = TypeVar("T")

ROOM = 8
"""Connections that a pool has to allow before several of them are used at once."""


class Flights:
    """Launches calls that use one client."""

    def __init__(self, connection: Connection) -> None:
        self._has_room = (
            isinstance(connection, Redis)
            and getattr(connection, "connection", None) is None  # a client with a single connection has no other
            and getattr(connection.connection_pool, "max_connections", 0) >= ROOM
        )

    def launch(self, call: Callable[[], T], *, aside: bool) -> Future[T]:
        """Makes the call, in a thread of its own if `aside` and there is room. Its result, or its error, is in the
        future."""
        flight: Future[T] = Future()

        def run() -> None:
            try:
                flight.set_result(call())
            except BaseException as error:  # noqa: BLE001  raised where the result is asked for
                flight.set_exception(error)

        if aside and self._has_room:
            # A daemon: a process that is told to end at once does not wait for Redis.
            Thread(target=run, daemon=True).start()
        else:
            run()
        return flight
