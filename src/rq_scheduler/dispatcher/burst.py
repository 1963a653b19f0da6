"""When a burst is over: nothing is due, and nothing that is due comes again soon. And for how long it waits at all.

What a dispatcher had taken that has died comes again, and nobody else may be there then.
"""

from __future__ import annotations

import time

from rq_scheduler.dispatcher.pass_result import PassResult
from rq_scheduler.store import Store

__all__ = ["BURST_PATIENCE", "Burst"]

BURST_PATIENCE = 5.0
"""Seconds for which a burst waits for Redis, for a fence that somebody else holds, or for what comes again."""

LOOKS_AGAIN = 3
"""So often, at most, it looks again at what was overtaken while it was planned: some might be each time."""


class Burst:
    """The end of one `run(burst=True)`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._served_at: float = time.monotonic()
        self._comes_again_at: int | None = None
        self._no_longer_than = 0.0
        self._looks_again = LOOKS_AGAIN

    @property
    def has_waited_long(self) -> bool:
        """Whether Redis, or the fence, has been away for too long."""
        return time.monotonic() - self._served_at > BURST_PATIENCE

    def begin(self) -> None:
        """To be called before each pass: finds out, once, what others have taken."""
        if self._comes_again_at is None:
            self._wait_until(self._store.taken_until())

    def is_over(self, result: PassResult) -> bool:
        """Whether that pass was the last one."""
        if result.fenced is not None:
            return False
        self._served_at = time.monotonic()
        if result.again_at is not None and self._looks_again:
            self._looks_again -= 1
            self._wait_until(result.again_at)
        return not result.more_is_due and not self._something_comes_again(result.began)

    def _wait_until(self, moment: int) -> None:
        self._comes_again_at = max(self._comes_again_at or 0, moment)
        self._no_longer_than = time.monotonic() + BURST_PATIENCE

    def _something_comes_again(self, now: int) -> bool:
        """When, the server's clock says. Where that stands or goes back, a burst ends all the same."""
        return now < (self._comes_again_at or 0) and time.monotonic() <= self._no_longer_than
