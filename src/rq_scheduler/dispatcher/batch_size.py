"""How much one script is given to do: less where it takes long, so that none holds up Redis.

Knows no script.
"""

from __future__ import annotations

BUDGET = 0.008
"""Seconds that one script may take, as seen from here: batches grow and shrink around it."""


class BatchSize:
    """The most that one script is given, `now`: at first `first`, and always within `least` and `most`."""

    def __init__(self, least: int, first: int, most: int) -> None:
        self.now: int = first
        self._least, self._most = least, most

    def adapt(self, number: float, seconds: float) -> None:
        """Goes by a script that did so many in that time. One that did less than half of what it might tells little."""
        if number >= self.now // 2:
            wanted = number * BUDGET / max(seconds, 0.0005)
            self.now = int(max(self._least, min(self._most, wanted, self.now * 1.5)))
