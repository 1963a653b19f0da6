"""What one pass did, and when there is something to do again."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from redis.exceptions import ResponseError

from rq_scheduler.clock import US
from rq_scheduler.store.outcomes import Fenced


@dataclass(slots=True)
class PassResult:
    """What one pass did; `unfinished` when its time was up before all was served, `misfit` when a key that all of a
    kind share holds something of another type. `next_due` (us) is what comes first, `again_at` when what is due and was
    overtaken while it was planned can be looked at again, and `next_look` when runs are to be followed, by the server's
    clock, which said `began` (us) first, and `now` (us) at the monotonic instant `at` of this process."""

    handed_off: int = 0
    dropped: int = 0
    began: int = 0
    now: int = 0
    at: float = field(default_factory=monotonic)
    next_due: int | None = None
    again_at: int | None = None
    next_look: int | None = None
    unfinished: bool = False
    fenced: Fenced | None = None
    misfit: ResponseError | None = None
    queues: set[str] = field(default_factory=set[str])

    def saw(self, now: int, next_due: int | None, at: float | None = None) -> None:
        """Takes note of the server's time, which was read at the monotonic instant `at`, or just now; and of something
        to come."""
        self.now, self.at = now, monotonic() if at is None else at
        self.began = self.began or now
        self.expect(next_due)

    def expect(self, due: int | None) -> None:
        """Takes note of something to come."""
        if due is not None and (self.next_due is None or due < self.next_due):
            self.next_due = due

    @property
    def more_is_due(self) -> bool:
        """Whether another pass would find something: this one ran out of time, or armed what was due by then."""
        return self.unfinished or (self.handed_off > 0 and self.next_due is not None and self.next_due <= self.now)

    @property
    def time(self) -> int:
        """The server's time now (us), as far as this process can tell."""
        return self.now + int((monotonic() - self.at) * US)

    def seconds_to_next(self) -> float | None:
        """Seconds from now on until the next entry is due; None when there is none."""
        return self._seconds_to(self.next_due)

    def seconds_to_next_look(self) -> float | None:
        """Seconds from now on until runs are to be followed; None when there are none."""
        return self._seconds_to(self.next_look)

    def _seconds_to(self, moment: int | None) -> float | None:
        return None if moment is None else (moment - self.time) / US
