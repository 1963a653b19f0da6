"""The times of one period of a recurrence rule: some days at some times, without writing all of them out.

A year may have 31 million of them. Owns how they are combined and picked by position. A *wall* is a local date and time
written as if it were UTC, in seconds since 1970-01-01T00:00.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

__all__ = ["at_positions", "combined"]

_FEW = 64
"""So many are written out, which is quicker to search."""


class _Combined(Sequence[int]):
    """Each of `firsts`, plus each of `times`: both in order, the times shorter than what lies between two firsts."""

    __slots__ = ("_firsts", "_length", "_times")

    def __init__(self, firsts: Sequence[int], times: Sequence[int]) -> None:
        self._firsts = firsts
        self._times = times
        self._length = len(times)

    def __len__(self) -> int:
        return len(self._firsts) * self._length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        first, at = divmod(index + len(self) if index < 0 else index, self._length)
        return self._firsts[first] + self._times[at]


def combined(firsts: Sequence[int], times: Sequence[int]) -> Sequence[int]:
    """Each of `firsts`, plus each of `times`, in order: seconds."""
    if len(times) == 1:
        return [first + times[0] for first in firsts]
    if len(firsts) * len(times) <= _FEW:
        return [first + time for first in firsts for time in times]
    return _Combined(firsts, times)


def at_positions(walls: Sequence[int], positions: Sequence[int]) -> Sequence[int]:
    """Those at these positions, counted from 1, or from the end by negative ones; all, without positions."""
    if not positions:
        return walls
    count = len(walls)
    wanted = {position - 1 if position > 0 else count + position for position in positions}
    return [walls[at] for at in sorted(wanted) if 0 <= at < count]
