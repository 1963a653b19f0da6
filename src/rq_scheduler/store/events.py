"""The events: what happened, read and followed. The scripts in which it happens tell it (`lua/include/events.lua`)."""

from __future__ import annotations

from rq_scheduler.aliases import EventKind
from rq_scheduler.store.base import is_ok
from rq_scheduler.store.command import Command, Commands, Listing
from rq_scheduler.store.operation import listing, operation
from rq_scheduler.store.streams import StreamEntry, newest_first, newest_place, read_behind


class EventCommands(Commands):
    """Operations on the events."""

    @listing
    def read_events(
        self, since: int | None = None, until: int | None = None, before: str | None = None
    ) -> Listing[StreamEntry]:
        """The events of [since, until) (microseconds), or of those before a place, newest first, read a page a round
        trip as they are used."""
        return newest_first(self.keys.events, since, until, before)

    @operation
    def newest_event(self) -> Command[str]:
        """The place of the newest event."""
        return newest_place(self.keys.events)

    @operation
    def events_behind(self, place: str, block_ms: int) -> Command[list[StreamEntry]]:
        """The events behind a place, oldest first; where there are none, waits for one so long."""
        return read_behind(self.keys.events, place, block_ms)

    @operation
    def note_event(self, kind: EventKind, id: str, **details: str) -> Command[bool]:
        """Tells an event that no other script sees happen."""
        flat = [each for pair in details.items() for each in pair]
        return self._script("note_event", self.keys.events, kind, id, *flat, read=is_ok)
