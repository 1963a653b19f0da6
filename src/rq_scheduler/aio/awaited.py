"""How the methods of the asynchronous faces are made: each of the synchronous one, with its parameters and docstring.

Owns how such a call runs on the loop. Knows no method by name.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from functools import partial, update_wrapper
from itertools import islice
from pathlib import Path
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from rq_scheduler import greenlets
from rq_scheduler.store.loop_client import LoopClient
from rq_scheduler.warn import Site, site_of

__all__ = ["Face", "awaited", "listed", "told"]

P = ParamSpec("P")
T = TypeVar("T")

AHEAD = 50
"""Items that a thread lists at a time."""


class Face:
    """An asynchronous face of a synchronous object whose connection is a LoopClient."""

    def __init__(self, sync: Any, home: LoopClient) -> None:
        self._sync = sync
        self._home = home


def _sync(face: Face) -> Any:
    return face._sync  # pyright: ignore[reportPrivateUsage]  of which people need not know


def _home(face: Face) -> LoopClient:
    return face._home  # pyright: ignore[reportPrivateUsage]


class _Method:
    """What stands in a class as one of its methods."""

    def __init__(self, of: Callable[..., Any], call: Callable[..., Any]) -> None:
        self._function = update_wrapper(call, of)

    def __set_name__(self, owner: type, name: str) -> None:
        self._function.__name__, self._function.__qualname__ = name, f"{owner.__qualname__}.{name}"
        self._function.__module__ = owner.__module__

    def __get__(self, instance: object, owner: type) -> Any:
        return self._function if instance is None else MethodType(self._function, instance)


class awaited(_Method, Generic[P, T]):  # noqa: N801  as in store/operation.py
    """A coroutine of a synchronous method. With `in_thread` it computes for so long that a thread does it; `through`
    names the parameter whose items it goes through: between them the loop has its turns."""

    def __init__(
        self, of: Callable[Concatenate[Any, P], T], *, in_thread: bool = False, through: str | None = None
    ) -> None:
        name, position = of.__name__, 0 if through is None else [*inspect.signature(of).parameters].index(through) - 1

        def method(self: Face, /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, T]:
            if through is not None:
                args, kwargs = _breathing(args, kwargs, position, through)
            call = partial(getattr(_sync(self), name), *args, **kwargs)
            running = _in_thread(_home(self), call, _site()) if in_thread else _run(_home(self), call, _site())
            running.__qualname__ = method.__qualname__  # for "... was never awaited"
            return running

        super().__init__(of, _as_coroutine_function(method))

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: Face, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return super().__get__(instance, owner)


class listed(_Method, Generic[P, T]):  # noqa: N801
    """An asynchronous iterator over what a synchronous method lists. With `in_thread`, a thread lists it."""

    def __init__(self, of: Callable[Concatenate[Any, P], Iterator[T]], *, in_thread: bool = False) -> None:
        name = of.__name__

        def method(self: Face, /, *args: Any, **kwargs: Any) -> AsyncIterator[T]:
            start = partial(getattr(_sync(self), name), *args, **kwargs)
            return _Listing(_home(self), start, _site(), in_thread=in_thread)

        super().__init__(of, method)

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., AsyncIterator[T]]: ...
    @overload
    def __get__(self, instance: Face, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return super().__get__(instance, owner)


class told(_Method, Generic[P, T]):  # noqa: N801
    """A method that asks Redis nothing, as it is."""

    def __init__(self, of: Callable[Concatenate[Any, P], T]) -> None:
        name = of.__name__

        def method(self: Face, /, *args: Any, **kwargs: Any) -> T:
            return getattr(_sync(self), name)(*args, **kwargs)

        super().__init__(of, method)

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., T]: ...
    @overload
    def __get__(self, instance: Face, owner: type) -> Callable[P, T]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return super().__get__(instance, owner)


class _Listing(AsyncIterator[T]):
    """Nothing has to be closed: dropped half-way, it is forgotten."""

    def __init__(self, home: LoopClient, start: Callable[[], Iterable[T]], site: Site, *, in_thread: bool) -> None:
        self._home = home
        self._start = start
        self._site = site
        self._run = greenlets.run_in_thread if in_thread else greenlets.run
        self._ahead = AHEAD if in_thread else 1
        self._items: Iterator[T] | None = None
        self._found: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        for item in self._found:
            return item
        if self._items is None:
            await self._home.pace.turn()
        found = await self._run(self._next, self._site)
        if not found:
            raise StopAsyncIteration
        self._found = iter(found[1:])
        return found[0]

    def _next(self) -> list[T]:
        if self._items is None:
            self._items = iter(self._start())
        return list(islice(self._items, self._ahead))


async def _run(home: LoopClient, call: Callable[[], T], site: Site) -> T:
    await home.pace.turn()
    return await greenlets.run(call, site)


async def _in_thread(home: LoopClient, call: Callable[[], T], site: Site) -> T:
    await home.pace.turn()
    return await greenlets.run_in_thread(call, site)


def _site() -> Site:
    """Who calls the method that asks."""
    return site_of(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]


def _breathing(
    args: tuple[Any, ...], kwargs: dict[str, Any], position: int, name: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, with that one as `greenlets.breathing` gives its items."""
    by_name = name in kwargs
    if not by_name and len(args) <= position:
        return args, kwargs
    items = kwargs[name] if by_name else args[position]
    if not isinstance(items, Iterable) or isinstance(items, str | Path):
        return args, kwargs
    items = greenlets.breathing(cast("Iterable[Any]", items))
    if by_name:
        return args, {**kwargs, name: items}
    return (*args[:position], items, *args[position + 1 :]), kwargs


def _as_coroutine_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """As which frameworks and mocks know it."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    vars(function)["_is_coroutine"] = vars(asyncio.coroutines)["_is_coroutine"]
    return function
