"""All sleeping of a dispatcher: until the earliest due time, or until the channel tells of an earlier one.

Knows the channel and the time, nothing of entries. A message may be lost; the poll covers that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from redis.exceptions import ResponseError

from rq_scheduler.dispatcher.events import Events
from rq_scheduler.store import Store

LONGEST_SLEEP = 5.0
"""Seconds. The fence is renewed by every pass, and `lua/include/wake.lua` tells of whatever is due sooner."""

SLICE = 0.25
"""Seconds after which a sleeper looks at the stop flag: a signal handler only sets it."""

PRECISE = 0.002
"""Seconds before the moment at which waiting on a socket, which counts in milliseconds, gives way to a timed sleep."""


class Waker:
    """Sleeps between passes. `subscribe` comes before the pass whose result says how long to sleep, so that an entry
    that appears in between is in the pass or on the channel."""

    def __init__(self, store: Store, events: Events, stopping: Callable[[], bool]) -> None:
        self._store = store
        self._events = events
        self._stopping = stopping
        self._channel: Any = None
        self._refused = False

    def subscribe(self) -> None:
        """Listens to the channel, once; a user without rights on it does without."""
        if self._channel is not None or self._refused:
            return
        channel = self._store.connection.pubsub(ignore_subscribe_messages=True)
        try:
            channel.subscribe(self._store.keys.wakeup)
            channel.get_message(timeout=1)
        except ResponseError as error:
            self._refused = True
            self._events.channel_refused(error)
            channel.close()
        else:
            self._channel = channel

    def sleep(self, seconds: float) -> None:
        """Sleeps for `seconds`, at most LONGEST_SLEEP; less when woken or stopping."""
        end = time.monotonic() + min(seconds, LONGEST_SLEEP)
        while not self._stopping():
            left = end - time.monotonic()
            if left <= 0:
                return
            if left <= PRECISE:
                time.sleep(left)
                return
            if self._wait(min(left - PRECISE / 2, SLICE)):
                return

    def close(self) -> None:
        """Gives the connection back; the next `subscribe` takes a new one."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _wait(self, seconds: float) -> bool:
        if self._channel is None:
            time.sleep(seconds)
            return False
        if self._channel.get_message(timeout=seconds) is None:
            return False
        # One pass answers all messages that have come by now.
        while self._channel.get_message(timeout=0) is not None:
            continue
        return True
