"""A page of what is shown while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

__all__ = ["Page"]

T = TypeVar("T")


class Page(Generic[T]):
    """The first `limit` of what is found, one after the other. When they are through: how many they
    were, and whether there are more."""

    def __init__(self, found: Iterable[T], limit: int) -> None:
        self._found: Iterator[T] = iter(found)
        self._limit: int = limit
        self.shown: int = 0
        self.more: bool = False

    def __iter__(self) -> Iterator[T]:
        for one in islice(self._found, self._limit):
            self.shown += 1
            yield one
        self.more = next(self._found, None) is not None
