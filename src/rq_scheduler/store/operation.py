"""How operations are written: as methods that make commands, in classes that group them.

On an instance of such a class, which has nothing but the names of the keys, an operation is its command, a value. On a
store, which is an executor too, the same method runs that command and returns the answer. A store for asyncio needs an
executor of its own, and one more overload of each `__get__` here, which says `Awaitable[T]` or `AsyncIterator[T]`: no
second definition of any operation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from rq_scheduler.store.command import Command, Commands, Listing, Procedure
from rq_scheduler.store.executor import Executor

P = ParamSpec("P")
T = TypeVar("T")


class _Operation(ABC):
    def __init__(self, make: Callable[..., Any]) -> None:
        def run(store: Executor, *args: Any, **kwargs: Any) -> Any:
            return self._run(store, make(store.commands, *args, **kwargs))

        self._make = make
        self._method = update_wrapper(run, make)

    def __get__(self, instance: Commands | Executor | None, owner: type) -> Any:
        if instance is None:
            return self._make
        return MethodType(self._method if isinstance(instance, Executor) else self._make, instance)

    @abstractmethod
    def _run(self, store: Executor, made: Any) -> Any: ...


class operation(_Operation, Generic[P, T]):  # noqa: N801  a decorator
    """One command."""

    def __init__(self, make: Callable[Concatenate[Any, P], Command[T]]) -> None:
        super().__init__(make)

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, P], Command[T]]: ...
    @overload
    def __get__(self, instance: Executor, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Commands, owner: type) -> Callable[P, Command[T]]: ...
    def __get__(self, instance: Commands | Executor | None, owner: type) -> Any:
        return super().__get__(instance, owner)

    def _run(self, store: Executor, made: Any) -> Any:
        return store.run(made)


class procedure(_Operation, Generic[P, T]):  # noqa: N801
    """Several round trips."""

    def __init__(self, make: Callable[Concatenate[Any, P], Procedure[T]]) -> None:
        super().__init__(make)

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, P], Procedure[T]]: ...
    @overload
    def __get__(self, instance: Executor, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Commands, owner: type) -> Callable[P, Procedure[T]]: ...
    def __get__(self, instance: Commands | Executor | None, owner: type) -> Any:
        return super().__get__(instance, owner)

    def _run(self, store: Executor, made: Any) -> Any:
        return store.follow(made)


class listing(_Operation, Generic[P, T]):  # noqa: N801
    """What is read as it is used."""

    def __init__(self, make: Callable[Concatenate[Any, P], Listing[T]]) -> None:
        super().__init__(make)

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, P], Listing[T]]: ...
    @overload
    def __get__(self, instance: Executor, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, instance: Commands, owner: type) -> Callable[P, Listing[T]]: ...
    def __get__(self, instance: Commands | Executor | None, owner: type) -> Any:
        return super().__get__(instance, owner)

    def _run(self, store: Executor, made: Any) -> Any:
        return store.iterate(made)
