"""Commands that many calls send at the same moment, over an asyncio client: they travel together.

Owns that: a client of redis-py needs a connection for each command that is under way, of which it has a hundred, and a
thousand calls at once would need a thousand. Knows nothing of what is sent, nor of who waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from copy import copy
from typing import Any, NamedTuple

__all__ = ["Batches"]

MOST, MOST_BYTES = 32, 512 * 1024
"""Commands, and bytes of them, in one round trip."""

UNDER_WAY = 2
"""Round trips at the same time: while Redis does what one asks for, the next is made."""


LOOK = 1.0
"""Seconds after which, and from then on, it is looked whether anybody still waits for a round trip."""


class _Asked(NamedTuple):
    command: tuple[Any, ...]
    options: dict[str, Any]
    reply: asyncio.Future[Any]

    @property
    def size(self) -> int:
        return sum(len(argument) for argument in self.command if isinstance(argument, bytes | str))


class Batches:
    """Those of one client, on one loop. `together`: whether its pipelines can take any command, which those of a Redis
    Cluster cannot; else each goes by itself, and no more than so many at a time. `trips`: at the same time."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop, *, together: bool, trips: int = UNDER_WAY) -> None:
        self._client = client
        self._loop = loop
        self._together = together
        self._most = MOST if together else 1
        # A client of a Redis Cluster finds its nodes by its first command, and drops connections of others meanwhile.
        self._under_way = trips if together else 1
        self._queue: deque[_Asked] = deque()
        self._sending = 0
        self._senders: set[asyncio.Task[None]] = set()  # which the loop itself would forget

    def send(self, command: tuple[Any, ...], options: dict[str, Any]) -> asyncio.Future[Any]:
        """The reply to come, or the error. A command of which nobody awaits the reply any more is not sent."""
        asked = _Asked(command, options, self._loop.create_future())
        self._queue.append(asked)
        if self._sending < self._under_way:
            self._begin()
        return asked.reply

    def _begin(self) -> None:
        # In the loop's next turn, when all that is asked for in this one is there.
        self._sending += 1
        sender = self._loop.create_task(self._send_all())
        self._senders.add(sender)
        sender.add_done_callback(self._senders.discard)

    async def _send_all(self) -> None:
        try:
            while batch := self._next():
                await self._send(batch)
                if not self._together and self._under_way == 1:
                    self._under_way = MOST
                    for _ in range(min(len(self._queue), MOST - 1)):
                        self._begin()
        finally:
            self._sending -= 1  # at once: whoever asks next begins another

    async def _send(self, batch: list[_Asked]) -> None:
        replies: list[Any]
        trip = _Trip(batch, self._loop)
        try:
            replies = await self._replies(batch)
        except asyncio.CancelledError:
            if trip.is_dropped():
                return
            for asked in batch:  # the loop ends
                asked.reply.cancel()
            raise
        except Exception as error:  # noqa: BLE001  for each of those who wait
            replies = [_again(error) for _ in batch]
        finally:
            trip.end()
        for asked, reply in zip(batch, replies, strict=True):
            if asked.reply.done():
                continue
            if isinstance(reply, Exception):
                asked.reply.set_exception(reply)
            else:
                asked.reply.set_result(reply)

    def _next(self) -> list[_Asked]:
        batch: list[_Asked] = []
        size = 0
        while self._queue and len(batch) < self._most:
            if self._queue[0].reply.done():
                self._queue.popleft()
                continue
            size += self._queue[0].size
            if batch and size > MOST_BYTES:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _replies(self, batch: list[_Asked]) -> list[Any]:
        if len(batch) == 1:
            return [await self._client.execute_command(*batch[0].command, **batch[0].options)]
        pipe = self._client.pipeline(transaction=False)
        for asked in batch:
            pipe.execute_command(*asked.command, **asked.options)
        return await pipe.execute(raise_on_error=False)


class _Trip:
    """Has a sender's round trip dropped, and its connection with it, once nobody waits for it any more: a server that
    is gone without a word would else keep the sender from all that are asked for later."""

    def __init__(self, batch: list[_Asked], loop: asyncio.AbstractEventLoop) -> None:
        self._batch = batch
        self._loop = loop
        self._sender = asyncio.current_task()
        self._dropped = False
        self._timer = loop.call_later(LOOK, self._look)

    def end(self) -> None:
        """It is over."""
        self._timer.cancel()

    def is_dropped(self) -> bool:
        """Whether it was this that has cancelled the sender, which goes on then."""
        if self._dropped and self._sender is not None:
            self._sender.uncancel()
        return self._dropped

    def _look(self) -> None:
        if all(asked.reply.done() for asked in self._batch) and self._sender is not None:
            self._dropped = True
            self._sender.cancel()
        else:
            self._timer = self._loop.call_later(LOOK, self._look)


def _again(error: Exception) -> Exception:
    """The same error for one of several, each of whom adds where it came by."""
    try:
        return copy(error).with_traceback(error.__traceback__)
    except Exception:  # noqa: BLE001  an application's client may raise what cannot be copied
        return error
