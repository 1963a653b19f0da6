"""RQ's own registries in a pass: hands off what RQ has scheduled and is due, of every queue.

Others write there without a word, so they are looked at again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from rq_scheduler.clock import US
from rq_scheduler.dispatcher.batch_size import BatchSize
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.options import Options
from rq_scheduler.dispatcher.pass_result import PassResult
from rq_scheduler.store import Store
from rq_scheduler.store.handoff import Left
from rq_scheduler.store.outcomes import Fenced, late_by

REGISTRY_POLL = 1.0
"""Seconds between two looks when nothing is due."""


class Registries:
    """Serves RQ's registries for one dispatcher. `enqueue` has RQ enqueue what only RQ can, and says whether it did;
    `poll`: seconds between two looks."""

    def __init__(
        self,
        store: Store,
        options: Options,
        events: Events,
        enqueue: Callable[[PassResult, Left], bool],
        stopping: Callable[[], bool],
        size: BatchSize,
        *,
        poll: float = REGISTRY_POLL,
    ) -> None:
        self.poll = poll
        self._store = store
        self._options = options
        self._events = events
        self._enqueue = enqueue
        self._stopping = stopping
        self._size = size
        self._again_at: float | None = None

    def serve(self, result: PassResult) -> None:
        """Hands off what is due there, if it is time for another look."""
        if self._again_at is not None and monotonic() < self._again_at:
            result.expect(result.time + int((self._again_at - monotonic()) * US))
            return
        taken_on: list[tuple[str, int]] = []
        try:
            next_due = self._walk(result, taken_on)
        finally:
            if taken_on:
                self._events.taken_on(taken_on)
        if result.fenced:
            return
        result.expect(next_due)
        wait = self.poll if next_due is None else (next_due - result.time) / US
        wait = max(0.0, min(self.poll, wait))
        self._again_at = monotonic() + wait
        if wait > 0:
            result.expect(result.time + int(wait * US))

    def _walk(self, result: PassResult, taken_on: list[tuple[str, int]]) -> int | None:
        """Serves what is due in the registries of all queues; returns when the next is."""
        cursor, next_due = b"0", None
        passed_over: set[str] = set()
        while not self._stopping():
            batch = self._store.serve_registries(cursor, self._size.now, self._options.rq_overdue, passed_over)
            if isinstance(batch, Fenced):
                result.fenced = batch
                break
            result.handed_off += len(batch.handed_off)
            result.queues.update(job.queue for job in batch.handed_off)
            if batch.handed_off:
                self._events.handed_off(batch.handed_off, batch.now)
                self._events.were_late(late_by("rq", batch.handed_off, batch.now))
            for entry in batch.dropped:
                self._events.dropped(entry)
            result.dropped += len(batch.dropped)
            taken_on += batch.taken_on
            for left in batch.left:
                if not self._enqueue(result, left):
                    passed_over.add(left.id)
            if batch.next_due is not None and (next_due is None or batch.next_due < next_due):
                next_due = batch.next_due
            if batch.behind and (batch.handed_off or batch.dropped or batch.left):
                continue
            cursor = batch.cursor
            if cursor == b"0":
                break
        return next_due
