"""Follows runs to their end: a step of a pass, at most so often, and bounded.

What has ended how is decided by the script, from what RQ has left; only exceptions are read here.
"""

from __future__ import annotations

from time import monotonic

from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.exceptions import failure_of
from rq_scheduler.store import Store
from rq_scheduler.store.settling import Looks, RunError

MAX_LOOKS = 250
"""Runs that one script looks at, a millisecond or two."""

EVERY = 0.25
"""Seconds from one step to the next: looks that are due meanwhile are made together."""

LONGEST_STEP = 0.005
"""Seconds after which a step leaves the rest to the next one: what has fallen due meanwhile goes first."""


class Follower:
    """Follows runs, for one dispatcher. `every`: see `EVERY`."""

    def __init__(self, store: Store, events: Events, *, every: float = EVERY) -> None:
        self._store = store
        self._events = events
        self._every = every
        self._again_at = 0.0

    def seconds_to_wait(self) -> float:
        """Until the next step may be taken."""
        return max(0.0, self._again_at - monotonic())

    def step(self) -> int | None:
        """Looks at the runs whose look is due. Returns when there will be something to look at, in microseconds."""
        until = monotonic() + LONGEST_STEP
        while True:
            looks = self._store.settle_runs(MAX_LOOKS)
            self._tell(looks)
            if looks.unread:
                self._store.note_errors([_error(each.run, each.exception) for each in looks.unread])
            is_behind = looks.next_look is not None and looks.next_look <= looks.now
            if not is_behind or monotonic() > until:
                self._again_at = monotonic() + (0.0 if is_behind else self._every)
                return looks.next_look

    def _tell(self, looks: Looks) -> None:
        for id, note in looks.paused:
            self._events.paused(id, note)
        if looks.durations:
            self._events.ran(looks.durations)


def _error(run: str, exception: bytes) -> RunError:
    failure = failure_of(exception)
    return RunError(run, failure.cause, failure.place, failure.message)
