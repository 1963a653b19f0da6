"""Answers that take seconds to work out and change slowly: given again for half a minute, and worked out by one request
at a time. They say themselves as of when they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

__all__ = ["Recent"]

T = TypeVar("T")

SECONDS = 30.0
MOST = 16
"""Answers of one Redis that are kept."""


class _Kept(Generic[T]):
    def __init__(self) -> None:
        self.answers = OrderedDict[Hashable, tuple[float, T]]()
        self.lock = Lock()


class Recent(Generic[T]):
    """What was worked out lately, by connection and by what was asked."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept = WeakKeyDictionary[Any, _Kept[T]]()

    def get(self, connection: Any, asked: Hashable, work_out: Callable[[], T]) -> T:
        """The answer to it, of half a minute ago at most. What `work_out` raises is not kept."""
        with self._lock:
            kept = self._kept.setdefault(connection, _Kept())
        with kept.lock:
            known = kept.answers.get(asked)
            if known is not None and self._clock() - known[0] < SECONDS:
                return known[1]
            found = work_out()
            kept.answers[asked] = self._clock(), found
            kept.answers.move_to_end(asked)
            while len(kept.answers) > MOST:
                kept.answers.popitem(last=False)
            return found
