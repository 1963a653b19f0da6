"""How operations are written: as methods that make commands, in classes that group them.

On an instance of such a class, which has nothing but the names of the keys, an operation is its command, a value. On a
store, which is an executor too, the same method runs that command and returns the answer. On an event loop the same
store does so over another client (`loop_client`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from rq_scheduler.store.command import Commands, Listing, Steps
from rq_scheduler.store.executor import Executor

P = ParamSpec("P")
T = TypeVar("T")


class _Operation:
    def __init__(self, make: Callable[..., Any], execute: Callable[[Executor, Any], Any]) -> None:
        def method(store: Executor, *args: Any, **kwargs: Any) -> Any:
            return execute(store, make(store.commands, *args, **kwargs))

        self._make = make
        self._method = update_wrapper(method, make)

    def __get__(self, instance: Commands | Executor | None, owner: type) -> Any:
        if instance is None:
            return self._make
        return MethodType(self._method if isinstance(instance, Executor) else self._make, instance)


class operation(_Operation, Generic[P, T]):  # noqa: N801  a decorator
    """One command, or a procedure of several: on a store, its answer."""

    def __init__(self, make: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        super().__init__(make, lambda store, steps: store.run(steps))

    @overload
    def __get__(self, instance: Executor, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Commands, owner: type) -> Callable[P, Steps[T]]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return super().__get__(instance, owner)


class listing(_Operation, Generic[P, T]):  # noqa: N801
    """What is read as it is used: on a store, an iterator."""

    def __init__(self, make: Callable[Concatenate[Any, P], Listing[T]]) -> None:
        super().__init__(make, lambda store, steps: store.iterate(steps))

    @overload
    def __get__(self, instance: Executor, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, instance: Commands, owner: type) -> Callable[P, Listing[T]]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return super().__get__(instance, owner)
