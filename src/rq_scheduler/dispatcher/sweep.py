"""The look at all pending entries, at the start and once a day, a moment at a time between passes: adopts what 0.14
left, learns the queues, and looks after the records of recurring jobs.

Without it, a recurring job would be adopted only when it is due, and nobody would know before in which zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.recurring import TOGETHER, Recurring
from rq_scheduler.store import Store
from rq_scheduler.store.base import text
from rq_scheduler.store.survey import Survey

PAGE = 50
"""Entries in one look, which takes about a millisecond."""

SLICE = 0.002
"""Seconds after which a step ends."""

MARKERS = (b"interval", b"cron_string")
"""What the bytes of a recurring job's meta hold; whether it is one, the serializer says."""


class Sweep:
    """Goes through the index once."""

    def __init__(self, store: Store, survey: Survey, recurring: Recurring, events: Events, *, adopt: bool) -> None:
        self._store = store
        self._survey = survey
        self._recurring = recurring
        self._events = events
        self._adopt = adopt
        self._pages: Iterator[object] | None = self._walk()
        self.queues: set[str] = set()

    @property
    def unfinished(self) -> bool:
        """Whether there are pages left."""
        return self._pages is not None

    def step(self) -> None:
        """Goes on for a moment. An error of Redis reaches the caller, and the look begins again."""
        until = monotonic() + SLICE
        while self._pages is not None:
            self._look(self._pages)
            if monotonic() > until:
                return

    def _look(self, pages: Iterator[object]) -> None:
        try:
            page = next(pages, None)
        except BaseException:
            # A generator that has raised is at its end, as if it had seen everything.
            self._pages = self._walk()
            raise
        if page is None:
            self._pages = None

    def give_up(self) -> None:
        """Leaves the rest for the next time."""
        self._pages = None

    def _walk(self) -> Iterator[object]:
        for page in self._survey.entries(PAGE):
            jobs = [(entry, entry.fields) for entry in page if entry.fields]
            self.queues.update(text(fields["origin"]) for _, fields in jobs if fields.get("origin"))
            recurring = [
                text(entry.id)
                for entry, fields in jobs
                if not entry.adopted and any(marker in fields.get("meta", b"") for marker in MARKERS)
            ]
            yield page
            if not (recurring and self._adopt):
                continue
            now = self._store.server_time()
            for first in range(0, len(recurring), TOGETHER):
                self._recurring.adopt(recurring[first : first + TOGETHER], now)
                yield page
        # Those that were due at once have been adopted by the passes between the pages.
        self._events.swept(self._recurring.take_counts())
        cursor = None
        while cursor != 0:
            cursor = self._store.tend_schedules(cursor or 0, PAGE)
            yield cursor
