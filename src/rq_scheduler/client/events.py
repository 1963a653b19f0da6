"""`scheduler.events`: what happened to schedules, jobs, dispatchers and queues, read or followed.

A face over the store. Knows no key of Redis, and not when an event is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import cast

from rq_scheduler.aliases import DurationLike, EventKind
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.streams import bounds, picked, place_of, words
from rq_scheduler.clock import US, duration_us, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, check_texts
from rq_scheduler.store.streams import NOTHING, StreamEntry
from rq_scheduler.triggers.base import not_negative

__all__ = ["Event", "Events", "event_of"]

LONGEST_WAIT = 1.0
"""Seconds in one call of Redis that waits for an event."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    kind: what. id: of the schedule or the job, or the name of the dispatcher or the queue, that it happened to. at:
    aware UTC, to the millisecond. details: what else is known. place: where in the stream it stands, from which
    `follow` goes on.
    """

    place: str
    at: datetime
    kind: EventKind
    id: str
    details: Mapping[str, str]


class Events:
    """The events of one Redis, seen through a Scheduler: about 100,000 are kept. Runs that succeed are none."""

    def __init__(self, context: SchedulerContext) -> None:
        self._context = context

    def read(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        schedule: str | None = None,
        kinds: EventKind | Collection[EventKind] | None = None,
        before: str | None = None,
        limit: int | None = 100,
        look_at: int | None = None,
    ) -> list[Event]:
        """The events that fit all that is given, newest first, `limit` at most (None: all), of the newest `look_at`.

        `since` and `until` are aware: events of [since, until). `before` is the place of the last one of the page
        before, and takes the part of `until`. `schedule` is an id, a job's too. Raises InvalidArgument or InvalidType
        for what cannot be.
        """
        not_negative(look_at=0 if look_at is None else look_at)
        found = self._context.store.read_events(*bounds(since, until), place_of(before, "before"))
        check_texts(schedule=schedule)
        wanted = words(kinds, "kinds", EventKind)
        return [event_of(entry) for entry in picked(islice(found, look_at), limit, kind=wanted, id=schedule)]

    def follow(self, after: str | None = None, *, idle: DurationLike | None = None) -> Iterator[Event]:
        """Events as they happen, oldest first, for ever, or until nothing has happened for `idle`.

        `after` is the `place` of an event: those behind it come first, as far as they are kept; None begins now. Waits
        in Redis, on a connection of the pool, a second at most at a time.
        """
        patience = None if idle is None else duration_us(idle, "idle")
        if patience is not None and patience < 0:
            raise InvalidArgument(f"idle={idle!r} is negative: give a length of time")
        store = self._context.store
        place = place_of(after, "after") or store.newest_event()
        return self._behind(place, patience)

    def newest_place(self) -> str:
        """The place of the newest event; that before all events where there is none."""
        return self._context.store.newest_event()

    def page_behind(self, place: str, *, wait: bool = False) -> list[Event]:
        """The next events behind a place, oldest first, 500 at most; where there are none, waits a second at most for
        one if it is to. Raises InvalidType or InvalidArgument for what is no place."""
        behind = place_of(place, "place")
        if behind is None:
            raise InvalidType(f"place=None is no place of an event: give `event.place`, or {NOTHING!r}")
        ms = self._wait_ms() if wait else 1
        return [event_of(entry) for entry in self._context.store.events_behind(behind, ms)]

    def _behind(self, place: str, patience: int | None) -> Iterator[Event]:
        clock = self._context.clock
        heard_at = clock.monotonic()
        while True:
            found = self.page_behind(place, wait=True)
            for event in found:
                yield event
                place = event.place
            if found:
                heard_at = clock.monotonic()
            elif patience is not None and (clock.monotonic() - heard_at) * US >= patience:
                return

    def _wait_ms(self) -> int:
        """Shorter than the connection waits for an answer."""
        timeout = self._context.store.connection.get_connection_kwargs().get("socket_timeout")
        return max(1, int(1000 * min(LONGEST_WAIT, LONGEST_WAIT if timeout is None else timeout / 2)))


def event_of(entry: StreamEntry) -> Event:
    """An entry of the stream as callers see it."""
    fields = dict(entry.fields)
    kind, id = fields.pop("kind", ""), fields.pop("id", "")
    return Event(entry.place, from_us(entry.at), cast("EventKind", kind), id, fields)
