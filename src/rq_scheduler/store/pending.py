"""Pending one-offs by their time, many at once; jobs that wait in a queue. Each operation is one atomic script, or a
few batches of them.

Knows nothing of single entries, which `entries` has.
"""

from __future__ import annotations

from collections.abc import Sequence

from rq_scheduler.aliases import AuditAction
from rq_scheduler.store.base import is_ok, score_of
from rq_scheduler.store.command import Command, Commands, Procedure, call
from rq_scheduler.store.operation import operation
from rq_scheduler.store.rq_format import queue_key

MAX_SPREAD, MAX_MOVED = 500, 500
"""Entries, and ids of a queue, in one script: a few milliseconds."""


class PendingCommands(Commands):
    """Operations on many entries, and on queues."""

    @operation
    def counts_by_time(self, bounds: Sequence[int]) -> Command[list[int]]:
        """How many entries are due between each two neighbours of these moments (us), the later one not included."""
        scores = map(score_of, bounds)
        return self._script("count_by_time", self.keys.scheduled_jobs, *scores, read=list)

    @operation
    def recurring_among(self, ids: Sequence[str]) -> Procedure[set[str]]:
        """Those of these ids that are recurring jobs of the 0.14 API."""
        if not ids:
            return set()
        scores = yield from call("ZMSCORE", self.keys.schedules_of("jobs"), *ids)
        return {id for id, score in zip(ids, scores, strict=True) if score is not None}

    @operation
    def spread(self, since: int, until: int, over: int) -> Procedure[int]:
        """Delays the one-offs that are due in [since, until), so that they come evenly over so long from `since` on
        (all in microseconds); returns how many were moved."""
        fixed = (score_of(since), score_of(until), score_of(over))
        total, due, id, moved = b"", b"", b"", 0
        while True:
            arguments = (*fixed, total, due, id, MAX_SPREAD, self.actor)
            total, done, due, id = yield from self._script("spread_jobs", self.keys.scheduled_jobs, *arguments)
            moved += done
            if not due:
                return moved

    @operation
    def move_queue(self, queue: str, to: str) -> Procedure[int]:
        """Moves the jobs that wait in a queue to the end of another; returns how many. Those that come meanwhile are
        moved too, as long as fewer come than go."""
        moved, left = 0, None
        while left is None or left:
            before = left
            arguments = (queue, to, MAX_MOVED, self.actor)
            done, left = yield from self._script("move_queue", queue_key(self.keys.prefix, queue), *arguments)
            moved += done
            if before is not None and left >= before:
                break
        return moved

    @operation
    def note_action(self, action: AuditAction, id: str, **details: str) -> Command[bool]:
        """Writes into the audit what was done through RQ."""
        flat = [each for pair in details.items() for each in pair]
        return self._script("note_action", self.keys.audit, action, id, self.actor, *flat, read=is_ok)
