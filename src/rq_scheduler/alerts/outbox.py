"""What one receiver is to be told, from the events that were read for it to the message that is to be sent. Pure.

A message is settled before it is sent: the place of its last event is remembered first, so that another dispatcher
makes the same message of the same events, under the same id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import tzinfo

from rq_scheduler.alerts.grouping import Group, OpenStates
from rq_scheduler.alerts.memory import Memory, may_send, of_last_hour, read_memory, write_memory
from rq_scheduler.alerts.position import Position, at_or_before
from rq_scheduler.alerts.receivers import Message, Receiver
from rq_scheduler.client.events import event_of
from rq_scheduler.clock import from_us
from rq_scheduler.store.alerts import AlertPage
from rq_scheduler.store.base import whole
from rq_scheduler.store.streams import NOTHING
from rq_scheduler.views import alerts as views

__all__ = ["Outbox", "Outgoing"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message, and what is remembered once it has arrived: the position behind its events, and the states that are
    open there."""

    message: Message
    position: Position
    open: tuple[str, ...]


class Outbox:
    """Begins with what is remembered of the receiver (`AlertPage.remembered`)."""

    def __init__(self, receiver: Receiver, site: str, zone: tzinfo, page: AlertPage) -> None:
        remembered = page.remembered
        self._receiver, self._site, self._zone = receiver, site, zone
        place, count = remembered["place"], whole(remembered.get("position"))
        self.position: Position = Position(place, 0 if place == NOTHING else count)
        self.told: Position = self.position
        """Up to where the receiver has been told all that there is to tell, as it is remembered."""
        self._settled = remembered.get("settled", "")
        self._memory = read_memory(remembered.get("memory", ""))
        self._open = OpenStates(self._memory.open)
        self._group = Group()
        self.outgoing: Outgoing | None = None

    @property
    def waiting(self) -> int:
        """Events that were read and have not been told."""
        return self._group.total + (self.outgoing.message.told.total if self.outgoing else 0)

    @property
    def is_settled(self) -> bool:
        """Whether it is remembered up to where the message goes that is to be sent."""
        return self.outgoing is not None and self._settled == self.outgoing.position.place

    def read(self, page: AlertPage, now: float) -> None:
        """Takes a page that was read behind `position`."""
        behind, loss = self.position.behind(page)
        if loss is not None:
            self._group.add_loss(loss, now)
        for left, entry in zip(range(len(page.entries), 0, -1), page.entries, strict=True):
            if self._settled and not at_or_before(entry.place, self._settled):
                self._cut_if_settled()
            event = event_of(entry)
            if event.kind in self._receiver.kinds and self._open.is_news(event):
                self._group.add(event, now)
            self.position = Position(entry.place, None if behind.count is None else behind.count - left + 1)
        self.position = behind
        if not page.full:
            self._cut_if_settled()

    def settle(self, now_us: int, now: float) -> bool:
        """Makes a message of what has been gathered, if it is time for one; whether it did."""
        if self.outgoing is not None or not self._group.is_ripe(self._receiver.window_seconds, now):
            return False
        if not may_send(self._memory.sent, self._receiver.max_per_hour, now_us):
            return False
        self._cut()
        return True

    def skipped(self) -> Position | None:
        """The position to remember where there is nothing to tell up to it."""
        if self.outgoing is not None or self._group or self.position == self.told:
            return None
        return self.position

    def fields(self, position: Position) -> dict[str, str]:
        """How a position is remembered."""
        return {"place": position.place, "position": "" if position.count is None else str(position.count)}

    def arrived_fields(self, outgoing: Outgoing, now_us: int) -> dict[str, str]:
        """How it is remembered that a message has arrived."""
        return {
            **self.fields(outgoing.position),
            "memory": write_memory(self._with(outgoing, now_us)),
            **dict.fromkeys(("settled", "failing_since", "error", "waiting"), ""),
        }

    def arrived(self, outgoing: Outgoing, now_us: int) -> None:
        """The message has arrived, and that is remembered."""
        self._memory = self._with(outgoing, now_us)
        self.told, self._settled, self.outgoing = outgoing.position, "", None

    def remembered(self, position: Position) -> None:
        """There was nothing to tell up to here, and that is remembered."""
        self.told = position

    def settled(self) -> None:
        """Up to where the message goes is remembered."""
        if self.outgoing is not None:
            self._settled = self.outgoing.position.place

    def _with(self, outgoing: Outgoing, now_us: int) -> Memory:
        return Memory(outgoing.open, (*of_last_hour(self._memory.sent, now_us), now_us))

    def _cut_if_settled(self) -> None:
        """Makes the message that another dispatcher has settled, once all of its events are read."""
        if self._settled and self.outgoing is None:
            self._cut()
            if self.outgoing is None:
                self._settled = ""  # none of its events is kept any more

    def _cut(self) -> None:
        """All that has been gathered becomes the message."""
        group, self._group = self._group, Group()
        if not group:
            return
        told = views.Told(dict(group.counts), tuple(group.events), tuple(group.lost), self._site)
        message = Message(
            id=_id(self._receiver.name, self.told.place, self.position.place),
            title=views.title(told, self._zone),
            text=views.text(told, self._zone),
            at=group.events[-1].at if group.events else from_us(group.lost[-1].until),
            told=told,
            data=views.data(told, self._zone),
        )
        self.outgoing = Outgoing(message, self.position, self._open.names)


def _id(*parts: str) -> str:
    return f"msg_{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:32]}"
