"""`GET /events/stream`: events as they happen, as server-sent events.

One reader of Redis for all watchers of an event loop, in one thread; it fans out to queues of a bounded length. No
thread waits for a client: one that does not keep up is let go, and comes back with its `Last-Event-ID`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rq_scheduler.client.events import Event, Events
from rq_scheduler.client.streams import place_of
from rq_scheduler.log import log
from rq_scheduler.store.streams import NOTHING
from rq_scheduler.views import events as views
from rq_scheduler.web.api.endpoint import Service, admit, problem_response
from rq_scheduler.web.problems import Refused

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["MAX_WATCHERS", "Watch"]

MAX_WATCHERS, MAX_OF_ONE = 200, 100
"""In all, and of one visitor: nobody shuts out the others."""

QUEUE = 256
"""Events that wait for one watcher."""

MAX_REPLAYED = 5000
"""Events that one who comes back is sent, about; then he has to come back for more."""

BEAT = 15.0
"""Seconds after which a line without meaning says that the stream is alive."""

CHECKED = 60.0
"""Seconds after which it is asked again whether the watcher may watch."""

PATIENCE = 30.0
"""Seconds for a client to take what it is sent."""

PAUSE = 1.0


class Watch:
    """The watchers of one application."""

    def __init__(self, service: Service) -> None:
        self._service = service
        # By loop: what belongs to one works in no other, and none lives on in a forked process.
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, _Hub] = WeakKeyDictionary()

    async def respond(self, request: Request) -> Response:
        """The stream; or a problem."""
        try:
            if "wsgi_environ" in request.scope:
                raise Refused(404, "no-stream", "under WSGI there is no event stream: ask GET /events again and again")
            visitor = await run_in_threadpool(admit, self._service, request)
            given = request.headers.get("last-event-id")
            place = None if not given else place_of(given, "Last-Event-ID")
            hub = self._hubs.setdefault(asyncio.get_running_loop(), _Hub(self._service.scheduler.events))
            watcher = hub.enter(visitor.actor)
            events = hub.events_of(watcher, place)
            return _Stream(events, lambda: run_in_threadpool(self._is_allowed, request), lambda: hub.leave(watcher))
        except Exception as error:  # noqa: BLE001  told as a problem
            return problem_response(error)

    def _is_allowed(self, request: Request) -> bool:
        try:
            self._service.visitors.visitor(request, self._service.scheduler.tokens)
        except Refused:
            return False
        except (RedisError, OSError):
            pass  # nobody can tell now
        return True


class _Watcher:
    def __init__(self, visitor: str) -> None:
        self.visitor = visitor
        self.queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE)
        self.is_behind = False


class _Hub:
    """The watchers in one loop, and the task that reads for them while there are any."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._watchers: set[_Watcher] = set()
        self._reader: asyncio.Task[None] | None = None
        self._begins = asyncio.Lock()
        self._place = NOTHING

    def enter(self, visitor: str) -> _Watcher:
        """One more of this visitor. Raises Refused where there are too many."""
        later = {"retry-after": "30"}
        if len(self._watchers) >= MAX_WATCHERS:
            raise Refused(503, "too-many-watchers", f"{MAX_WATCHERS} watch already: ask again soon", later)
        if sum(each.visitor == visitor for each in self._watchers) >= MAX_OF_ONE:
            told = f"{MAX_OF_ONE} of yours watch already: close some of your pages and programs that do"
            raise Refused(429, "too-many-watchers", told, later)
        watcher = _Watcher(visitor)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: _Watcher) -> None:
        """One less."""
        self._watchers.discard(watcher)

    async def events_of(self, watcher: _Watcher, place: str | None) -> AsyncGenerator[Event | None]:
        """Events behind a place, or from now on; None now and then, where there are none. Ends where the watcher does
        not keep up."""
        async with self._begins:
            if self._reader is None or self._reader.done():
                self._place = await run_in_threadpool(self._events.newest_place)
                self._reader = asyncio.create_task(self._read())
        last = _order(self._place if place is None else place)
        yield None
        if place is not None:
            async for event in self._replayed(watcher, place):
                last = _order(event.place)
                yield event
        while not watcher.is_behind:
            try:
                async with asyncio.timeout(BEAT):
                    event = await watcher.queue.get()
            except TimeoutError:
                yield None
                continue
            if _order(event.place) > last:
                last = _order(event.place)
                yield event

    async def _replayed(self, watcher: _Watcher, place: str) -> AsyncGenerator[Event]:
        sent = 0
        while sent < MAX_REPLAYED and (page := await run_in_threadpool(self._events.page_behind, place)):
            for event in page:
                yield event
            sent, place = sent + len(page), page[-1].place
        watcher.is_behind = sent >= MAX_REPLAYED  # the rest when it comes back

    async def _read(self) -> None:
        failed = False
        while self._watchers:
            try:
                found = await run_in_threadpool(self._events.page_behind, self._place, wait=True)
                failed = False
            except (RedisError, OSError) as error:
                if not failed:
                    log.warning("the event stream waits for Redis: %s", error, extra={"action": "watch_failed"})
                failed = True
                await asyncio.sleep(PAUSE)
                continue
            for event in found:
                self._place = event.place
                for watcher in list(self._watchers):
                    try:
                        watcher.queue.put_nowait(event)
                    except asyncio.QueueFull:
                        watcher.is_behind = True
                        self._watchers.discard(watcher)


class _Stream(Response):
    """Server-sent events. Ends with its client, with the events, or when the watcher may not watch any more."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[Event | None],
        is_allowed: Callable[[], Awaitable[bool]],
        leave: Callable[[], None],
    ) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._is_allowed = is_allowed
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, gone):
                task.cancel()
            self._leave()
            ended = await asyncio.gather(sending, gone, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, RedisError | OSError):
                raise error

    async def _send(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        async with aclosing(self._events) as events:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for event in events:
                async with asyncio.timeout(PATIENCE):
                    await send({"type": "http.response.body", "body": _line(event), "more_body": True})
                if loop.time() - checked > CHECKED:
                    if not await self._is_allowed():
                        break
                    checked = loop.time()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(event: Event | None) -> bytes:
    """No name of an event, which anybody may have written: all are messages, and the JSON says the kind."""
    if event is None:
        return b": alive\n\n"
    return b"id: %s\ndata: %s\n\n" % (event.place.encode(), msgspec.json.encode(views.serialize(event, UTC)))


def _order(place: str) -> tuple[int, int]:
    ms, _, number = place.partition("-")
    return int(ms), int(number)
