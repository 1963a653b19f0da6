"""What serving a part of what is due came to, for the pass that asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from redis.exceptions import ResponseError

from rq_scheduler.store.outcomes import Fenced


@dataclass(slots=True)
class Served:
    """Runs handed off and their queues; the first time to come that is known (`next_due`); `unfinished` when time was
    up before all had their turn; `via_rq` when runs were made that RQ itself has to enqueue; `misfit` when a key that
    all of a kind share holds something of another type; `again_at` (us), from when on what was overtaken while it was
    planned can be looked at again. `now` is the server's time (us) at the monotonic instant `at`,
    0 where it was not asked."""

    fired: int = 0
    unfinished: bool = False
    via_rq: bool = False
    now: int = 0
    at: float = 0.0
    next_due: int | None = None
    again_at: int | None = None
    fenced: Fenced | None = None
    misfit: ResponseError | None = None
    queues: set[str] = field(default_factory=set[str])

    def saw(self, now: int, next_due: int | None) -> None:
        """Notes the server's time, which was read just now, and something to come."""
        self.now, self.at = now, monotonic()
        self.expect(next_due)

    def expect(self, due: int | None) -> None:
        """Notes something to come, which the batch that read the index has not seen."""
        if due is not None and (self.next_due is None or due < self.next_due):
            self.next_due = due
