"""How many log lines one kind of event may have: so many in a window, and then how many more there were. Knows no
logger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

MAX_LINES = 10
"""Lines of one kind in a window."""

WINDOW_SECONDS = 60.0

MAX_NAMED = 3
"""How many are named where there are more."""


@dataclass(slots=True)
class Suppressed:
    """The lines of one kind that a window had no room for: how many, the highest level among them, the first names."""

    action: str
    level: int = 0
    count: int = 0
    names: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Window:
    ends: float
    suppressed: Suppressed
    lines: int = 0


class LogRateLimit:
    """Counts lines by kind. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def allows(self, action: str, level: int, name: str) -> bool:
        """Whether the window of this kind has room for one more line; where not, it is counted. A window begins with
        its first line, and ends in `take_suppressed`."""
        window = self._windows.get(action)
        if window is None:
            window = self._windows[action] = _Window(self._clock() + WINDOW_SECONDS, Suppressed(action))
        if window.lines < MAX_LINES:
            window.lines += 1
            return True
        suppressed = window.suppressed
        suppressed.level, suppressed.count = max(suppressed.level, level), suppressed.count + 1
        if len(suppressed.names) < MAX_NAMED and name not in suppressed.names:
            suppressed.names.append(name)
        return False

    def take_suppressed(self, *, all: bool = False) -> Iterator[Suppressed]:
        """Ends the windows whose time is over, or `all`; what each of them suppressed, if anything."""
        if not self._windows:
            return
        now = self._clock()
        for action in [action for action, window in self._windows.items() if all or window.ends <= now]:
            suppressed = self._windows.pop(action).suppressed
            if suppressed.count:
                yield suppressed


def some_of(names: Sequence[str]) -> str:
    """The first few names, and how many others there are."""
    others = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {others} other(s)" if others > 0 else "")
