"""How often one kind of thing is told: so many lines a minute, and then how many more there were. Knows no logger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

A_MINUTE = 10
"""Lines of one kind in a minute."""

WINDOW = 60.0
"""Seconds for which what is told is counted."""

NAMED = 3
"""How many are named where there are more."""


@dataclass(slots=True)
class Withheld:
    """What was not told each: how many, the greatest level among them, and the first names."""

    action: str
    level: int = 0
    count: int = 0
    names: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Window:
    ends: float
    withheld: Withheld
    told: int = 0


class Rations:
    """Counts what is told, by kind. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def grant(self, action: str, level: int, name: str) -> bool:
        """Whether one more of this kind may be told now; otherwise it is counted. `over` has to be asked before."""
        window = self._windows.get(action)
        if window is None:
            window = self._windows[action] = _Window(self._clock() + WINDOW, Withheld(action))
        if window.told < A_MINUTE:
            window.told += 1
            return True
        withheld = window.withheld
        withheld.level, withheld.count = max(withheld.level, level), withheld.count + 1
        if len(withheld.names) < NAMED and name not in withheld.names:
            withheld.names.append(name)
        return False

    def over(self, *, all: bool = False) -> Iterator[Withheld]:
        """What was withheld in the minutes that are over, or in `all`: told once."""
        if not self._windows:
            return
        now = self._clock()
        for action in [action for action, window in self._windows.items() if all or window.ends <= now]:
            withheld = self._windows.pop(action).withheld
            if withheld.count:
                yield withheld


def some_of(names: Sequence[str]) -> str:
    """The first few names, and how many others there are."""
    others = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {others} other(s)" if others > 0 else "")
