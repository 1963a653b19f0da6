"""An AsyncScheduler that is called as a Scheduler is, for tests that hold both to the same."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import redis.asyncio as redis_asyncio

from rq_scheduler import AsyncScheduler
from rq_scheduler.aio.awaited import Face
from rq_scheduler.warn import Site, site_of


class LoopThread:
    """An event loop that runs in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="the tests' event loop")
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What comes of it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def client(self, url: str, **options: Any) -> Any:
        """An asyncio client."""
        return redis_asyncio.Redis.from_url(url, **options)

    def end(self) -> None:
        """Waits for its executor's threads, too."""
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Driven:
    """A face whose calls are awaited on a loop. Private names are those of the synchronous object, and so is the
    connection, which threads beside the loop may use."""

    def __init__(self, thread: LoopThread, face: Face) -> None:
        vars(self).update(_thread=thread, _face=face)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "connection":
            return getattr(self._face._sync, name)
        value = getattr(self._face, name)
        if isinstance(value, Face):
            return Driven(self._thread, value)
        return self._calling(value) if callable(value) and not isinstance(value, type) else value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._face._sync, name, value)

    def __contains__(self, item: Any) -> bool:
        return self._calling(self._face.contains)(item)

    def __len__(self) -> int:
        return self._calling(self._face.length)()

    def __getitem__(self, id: Any) -> Any:
        return self._calling(self._face.__getitem__)(id)

    def __iter__(self) -> Iterator[Any]:
        return self._items(self._face.__aiter__())

    def __bool__(self) -> bool:
        return bool(self._face)

    def _calling(self, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            if isinstance(answer, Coroutine):
                return self._thread.run(answer)
            if isinstance(answer, Face):
                return Driven(self._thread, answer)
            return self._items(answer) if isinstance(answer, AsyncIterator) else answer

        return call

    def _items(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> Any:
            return [item async for item in _first(items)]

        # As a synchronous one does: what cannot be is refused at the call.
        found = self._thread.run(following())
        return self._rest(found, following)

    def _rest(self, found: list[Any], following: Any) -> Iterator[Any]:
        while found:
            yield from found
            found = self._thread.run(following())


async def _first(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item
        return


def driven(thread: LoopThread, client: Any, **options: Any) -> Any:
    """An AsyncScheduler on this client."""
    scheduler = AsyncScheduler(connection=client, **options)
    thread.run(scheduler.run_sync(lambda: None))  # at home there, so that its jobs can be asked from a test's thread
    return Driven(thread, scheduler)


def site_of_the_test() -> Site:
    """For warnings: the line of the test, and not of this adapter. Stands in for `awaited._site`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_globals.get("__name__") == __name__ or str(frame.f_globals.get("__name__")).startswith("rq_scheduler.")
    ):
        frame = frame.f_back
    return site_of(frame)
