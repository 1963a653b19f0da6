"""A page of schedules that is shown while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from rq_scheduler.client.schedules import StoredSchedule

__all__ = ["Page"]


class Page:
    """The first `limit` of the schedules that are found, one after the other. When they are through: how many they
    were, and whether there are more."""

    def __init__(self, found: Iterable[StoredSchedule], limit: int) -> None:
        self._found: Iterator[StoredSchedule] = iter(found)
        self._limit: int = limit
        self.shown: int = 0
        self.more: bool = False

    def __iter__(self) -> Iterator[StoredSchedule]:
        for stored in islice(self._found, self._limit):
            self.shown += 1
            yield stored
        self.more = next(self._found, None) is not None
