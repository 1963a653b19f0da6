"""Synchronous code on an event loop: it runs in a greenlet, and where it asks for something that has to be awaited, a
coroutine awaits that for it while the loop goes on.

Owns that switching, and how much of such work goes into one turn of the loop. Knows no Redis. Without the package
`greenlet`, `run` says what to install.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextvars import ContextVar
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from rq_scheduler.aside import ELSEWHERE
from rq_scheduler.errors import SchedulerError
from rq_scheduler.warn import CALLED_FROM, Site

if TYPE_CHECKING:
    from greenlet import getcurrent, greenlet
else:
    try:
        from greenlet import getcurrent, greenlet
    except ImportError:  # an extra
        getcurrent, greenlet = None, object

__all__ = ["Pace", "breathing", "is_inside", "refuse_if_cancelled", "require_greenlet", "run", "run_in_thread", "wait"]

T = TypeVar("T")

AT_ONCE = 8
"""Calls that begin in one turn of the loop: each works for about 0.1 ms before it first waits."""

LONGEST = 0.002
"""Seconds after which a call that goes through many items lets the loop have a turn."""


def require_greenlet() -> None:
    """Raises SchedulerError, with what to install, where `greenlet` is missing."""
    if greenlet is object:
        raise SchedulerError(
            "AsyncScheduler needs the package greenlet: install it, or this package with its extra [asyncio]"
        )


async def run(call: Callable[[], T], site: Site | None = None) -> T:
    """What a synchronous function returns, or raises, of which each `wait` is awaited here. `site`: who has called it,
    for warnings.

    Cancelled, or closed, it ends where it waits, as by an exception there; what it then still has to wait for, to give
    back a connection, is awaited too.
    """
    here = getcurrent()
    inside = _Inside(partial(_called, call, site), here)
    inside.gr_context = here.gr_context
    asked: Any = inside.switch()
    while not inside.dead:
        try:
            answer = await asked
        except GeneratorExit as end:  # nobody awaits anything here any more
            inside.unwind(end)
            raise
        except BaseException as error:  # noqa: BLE001  for the function to handle, as after `await`
            asked = inside.throw(error)
        else:
            asked = inside.switch(answer)
    return asked


async def run_in_thread(call: Callable[[], T], site: Site | None = None) -> T:
    """The same of a function that computes for long, or blocks, in a thread. Cancelled, it ends where it next asks for
    something that has to be awaited (`refuse_if_cancelled`)."""
    thread = _Thread()
    try:
        return await asyncio.to_thread(_called_there, call, site, thread)
    except asyncio.CancelledError:
        thread.cancelled = True
        raise


def refuse_if_cancelled() -> None:
    """Raises CancelledError in a thread for which nobody waits any more."""
    thread = _THREAD.get()
    if thread is not None and thread.cancelled:
        raise asyncio.CancelledError


def wait(awaitable: Awaitable[T]) -> T:
    """What comes of it: to be called by a function that `run` runs."""
    here = getcurrent().parent
    assert here is not None  # noqa: S101  `run` made it
    return cast("T", here.switch(awaitable))


def is_inside() -> bool:
    """Whether a function that `run` runs is what is running."""
    return isinstance(getcurrent(), _Inside)


def breathing(items: Iterable[T]) -> Iterator[T]:
    """These items; between two of them the loop has a turn, now and then."""
    began = perf_counter()
    for item in items:
        if perf_counter() - began > LONGEST and is_inside():
            wait(asyncio.sleep(0))
            began = perf_counter()
        yield item


class Pace:
    """How many calls may begin in one turn of a loop: a thousand that are awaited together would hold it up for as long
    as all of them need to make their jobs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._told = False

    async def turn(self) -> None:
        """Comes back when one more may begin; in the order in which they came."""
        if self._begun < AT_ONCE and not self._waiting:
            self._begun += 1
            self._tell()
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        await turn

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        self._told, self._begun = False, 0
        while self._waiting and self._begun < AT_ONCE:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            self._tell()


def _called(call: Callable[[], T], site: Site | None) -> T:
    called_from, elsewhere = CALLED_FROM.set(site), ELSEWHERE.set(_in_a_thread)
    try:
        return call()
    finally:
        ELSEWHERE.reset(elsewhere)
        CALLED_FROM.reset(called_from)


def _in_a_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    call = partial(function, *args, **kwargs)
    return wait(run_in_thread(call, CALLED_FROM.get())) if is_inside() else call()


def _called_there(call: Callable[[], T], site: Site | None, thread: _Thread) -> T:
    # In this thread's own copy of the context. It may be blocked; and threads that wait for threads run out.
    ELSEWHERE.set(None)
    CALLED_FROM.set(site)
    _THREAD.set(thread)
    return call()


class _Thread:
    cancelled = False


_THREAD: ContextVar[_Thread | None] = ContextVar("rq_scheduler_thread", default=None)


class _Inside(greenlet):
    """Runs what `run` was given."""

    def unwind(self, end: GeneratorExit) -> None:
        """Ends it where it waits, and wherever else it would wait then."""
        asked: Any = self.throw(end)
        while not self.dead:
            if isinstance(asked, Coroutine):
                asked.close()
            asked = self.throw(end)
