"""What a calendar is to a timeline: wall times that can be searched in both directions. And the plain ones: times given
one by one, and another calendar less some. Knows no zone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Protocol

from rq_scheduler.triggers.work import spend

__all__ = ["Calendar", "ListedTimes", "Without"]

_MAX_EXCLUDED = 100_000
"""Excluded times in a row after which there is taken to be no other."""


class Calendar(Protocol):
    """Some wall times: local times, each written as if it were UTC, in seconds since 1970-01-01T00:00."""

    def at_or_after(self, wall: int) -> int | None:
        """The first one that is not before `wall`, or None up to the end of year 9999."""
        ...

    def at_or_before(self, wall: int) -> int | None:
        """The last one that is not after `wall`, or None."""
        ...


class ListedTimes:
    """Wall times given one by one."""

    def __init__(self, walls: Iterable[int]) -> None:
        self._walls = sorted(set(walls))

    def at_or_after(self, wall: int) -> int | None:
        """The first one that is not before `wall`."""
        at = bisect_left(self._walls, wall)
        return self._walls[at] if at < len(self._walls) else None

    def at_or_before(self, wall: int) -> int | None:
        """The last one that is not after `wall`."""
        at = bisect_right(self._walls, wall)
        return self._walls[at - 1] if at else None


class Without:
    """Wall times of a calendar, less those that `excludes` says yes to."""

    def __init__(self, calendar: Calendar, excludes: Callable[[int], bool]) -> None:
        self._calendar = calendar
        self._excludes = excludes

    def at_or_after(self, wall: int) -> int | None:
        """The first one that is not before `wall`; None too after 100,000 excluded ones in a row."""
        found = self._calendar.at_or_after(wall)
        for _ in range(_MAX_EXCLUDED):
            if found is None or not self._excludes(found):
                return found
            spend(1)
            found = self._calendar.at_or_after(found + 1)
        return None

    def at_or_before(self, wall: int) -> int | None:
        """The last one that is not after `wall`; None too after 100,000 excluded ones in a row."""
        found = self._calendar.at_or_before(wall)
        for _ in range(_MAX_EXCLUDED):
            if found is None or not self._excludes(found):
                return found
            spend(1)
            found = self._calendar.at_or_before(found - 1)
        return None
