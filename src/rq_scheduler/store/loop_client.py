"""An asyncio client of redis-py as synchronous code sees it, be it ours or RQ's: every command answers when its reply
has come, while the event loop goes on.

Owns that, and to which loop the client belongs. Knows no command and no key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from redis.asyncio import RedisCluster
from redis.commands import CoreCommands

from rq_scheduler import greenlets
from rq_scheduler.errors import InvalidConnection, SchedulerError
from rq_scheduler.greenlets import Pace
from rq_scheduler.store.batches import UNDER_WAY, Batches

__all__ = ["LoopClient", "LoopPipeline"]

T = TypeVar("T")

WAITING = frozenset({"BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "XREAD"})
"""Commands that wait in Redis, and need a connection of their own."""

PIPELINES = 16
"""Pipelines that have a connection of their own at the same time; fewer, if the client has few."""

_HAS_ONE: ContextVar[bool] = ContextVar("rq_scheduler_pipeline", default=False)
"""Whether this call has such a pipeline: one within it does not wait, or it would wait for itself."""

_FOREIGN = (
    "connection belongs to another event loop: make the client and the AsyncScheduler in the loop that uses them, and "
    "`await client.aclose()` before a loop ends. The other one"
)


if TYPE_CHECKING:  # of whose types nothing is known that would hold here

    class _Commands: ...
else:
    _Commands = CoreCommands


class _OfLoop(NamedTuple):
    batches: Batches
    pace: Pace
    places: asyncio.Semaphore


class LoopClient(_Commands):
    """Around one asyncio client. On the thread of an event loop, `greenlets.run` has to run what calls it; in another
    thread the caller waits until the loop has done it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._of_loop: _OfLoop | None = None

    @property
    def connection_pool(self) -> Any:
        """The client's. That of a Redis Cluster has none."""
        return self.client.connection_pool

    def get_encoder(self) -> Any:
        """The client's."""
        return self.client.get_encoder()

    def get_connection_kwargs(self) -> dict[str, Any]:
        """The client's options of a connection."""
        return self.client.get_connection_kwargs()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The reply to a command."""
        if args[0] in WAITING:
            return self.wait(lambda: self.client.execute_command(*args, **options))
        return self.wait(lambda: self._at_home().batches.send(args, options))

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> LoopPipeline:
        """One of the client's."""
        return LoopPipeline(self, self.client.pipeline(transaction=transaction, shard_hint=shard_hint))

    def pubsub(self, **options: Any) -> Any:
        """There is none: whoever subscribes on a loop does so with the asyncio client."""
        raise SchedulerError("subscribe with the asyncio client itself: client.pubsub()")

    @property
    def pace(self) -> Pace:
        """That of the loop which runs. Raises InvalidConnection where the client belongs to another."""
        return self._at_home().pace

    async def place(self) -> asyncio.Semaphore:
        """That of one pipeline with a connection, once there is one: to be released."""
        places = self._at_home().places
        await places.acquire()
        return places

    def give_back(self, place: asyncio.Semaphore) -> None:
        """It is free for another."""
        if _loop_of_this_thread() is not None:
            place.release()
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(place.release)

    def wait(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What comes of what is asked for. Raises SchedulerError where that would hold up the loop."""
        if greenlets.is_inside():
            self._at_home()
            return greenlets.wait(ask())
        if _loop_of_this_thread() is not None:
            raise SchedulerError(
                "this asks Redis, and would hold up the event loop until that answers: await run_sync(...) of the "
                "AsyncScheduler with what is called here, such as job.refresh. (A schedule that find or an iteration "
                "gave has its definition read from Redis: await schedules.get(id) reads it at once)"
            )
        if self._loop is None or self._loop.is_closed():
            raise SchedulerError("no event loop runs that could ask Redis: this belongs to an AsyncScheduler")
        greenlets.refuse_if_cancelled()
        return asyncio.run_coroutine_threadsafe(_awaited(ask), self._loop).result()

    def _at_home(self) -> _OfLoop:
        loop = asyncio.get_running_loop()
        if loop is not self._loop or self._of_loop is None:
            if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
                raise InvalidConnection(f"{_FOREIGN} runs beside this one")
            if any(other is not loop for other in _loops_of(self.client)):
                raise InvalidConnection(f"{_FOREIGN} has opened its connections")
            self._loop = loop
            has = getattr(getattr(self.client, "connection_pool", None), "max_connections", UNDER_WAY + PIPELINES)
            trips, places = max(1, min(UNDER_WAY, has - 1)), max(1, min(PIPELINES, has - UNDER_WAY))
            batches = Batches(self.client, loop, together=not isinstance(self.client, RedisCluster), trips=trips)
            self._of_loop = _OfLoop(batches, Pace(loop), asyncio.Semaphore(places))
        return self._of_loop


class LoopPipeline(_Commands):
    """A pipeline of an asyncio client likewise: a transaction that watches keys, or commands that travel together."""

    def __init__(self, home: LoopClient, pipe: Any) -> None:
        self._home = home
        self._pipe = pipe
        self._place: asyncio.Semaphore | None = None
        self.explicit_transaction: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reset()

    def __len__(self) -> int:
        return len(self._pipe)

    def __bool__(self) -> bool:
        return True

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The reply while keys are watched; else the pipeline, and the command goes with the others."""
        answer = self._pipe.execute_command(*args, **options)
        return self if isinstance(answer, type(self._pipe)) else self._home.wait(lambda: answer)

    def watch(self, *names: Any) -> Any:
        """Has the transaction fail once one of these keys is changed."""
        self._take_place()
        return self._home.wait(lambda: self._pipe.watch(*names))

    def unwatch(self) -> Any:
        """Forgets the keys that are watched."""
        return self._home.wait(self._pipe.unwatch)

    def multi(self) -> None:
        """What follows is the transaction."""
        self._pipe.multi()
        self.explicit_transaction = True

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """The replies to all commands."""
        self.explicit_transaction = False
        self._take_place()
        try:
            return self._home.wait(lambda: self._pipe.execute(raise_on_error=raise_on_error))
        finally:
            self._leave_place()

    def reset(self) -> None:
        """Forgets all of it, and gives the connection back."""
        self.explicit_transaction = False
        try:
            self._home.wait(self._pipe.reset)
        finally:
            self._leave_place()

    def __del__(self) -> None:
        if self._place is not None:  # it watched, and was dropped
            with suppress(RuntimeError):  # the loop is closed
                self._leave_place()

    def _take_place(self) -> None:
        if self._place is None and not _HAS_ONE.get():
            self._place = self._home.wait(self._home.place)
            _HAS_ONE.set(True)

    def _leave_place(self) -> None:
        if self._place is not None:
            place, self._place = self._place, None
            _HAS_ONE.set(False)
            self._home.give_back(place)


async def _awaited(ask: Callable[[], Awaitable[T]]) -> T:
    return await ask()


def _loop_of_this_thread() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _loops_of(client: Any) -> Iterator[asyncio.AbstractEventLoop]:
    """Those in which its connections were opened: redis-py does not say, and fails only when one is used."""
    for connection in _connections_of(client):
        loop = getattr(getattr(connection, "_reader", None), "_loop", None)
        if loop is not None:
            yield loop


def _connections_of(client: Any) -> Iterator[Any]:
    """Of its pool; its only one, if it has no more; of each node of a Redis Cluster."""
    yield from getattr(getattr(client, "connection_pool", None), "_available_connections", ())
    yield getattr(client, "connection", None)
    for node in getattr(getattr(client, "nodes_manager", None), "nodes_cache", {}).values():
        yield from node._connections
