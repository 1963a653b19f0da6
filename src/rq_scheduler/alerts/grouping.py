"""What becomes of events on their way to one receiver: which are told, and which of them together. Pure.

Knows no Redis and no thread; `now` is in seconds of a clock that never goes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rq_scheduler.alerts.kinds import ENDED_BY
from rq_scheduler.aliases import EventKind
from rq_scheduler.client.events import Event
from rq_scheduler.sanitize import plain
from rq_scheduler.views.alerts import Loss

__all__ = ["MOST_OPEN", "MOST_SHOWN", "Group", "OpenStates"]

MOST_OPEN = 10_000
"""States that were told to have begun, of which it is remembered; of older ones, the end is not told."""

MOST_SHOWN = 100
"""Events of one message that are in it; others are counted."""

SHOWN_OF_EACH = 5
"""Of each kind, if the first hundred are all of others."""

_ENDS = frozenset(ENDED_BY.values())


class OpenStates:
    """The states of which a receiver was told that they began, and not yet that they ended."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = dict.fromkeys(names)

    @property
    def names(self) -> tuple[str, ...]:
        """Each as one text, the oldest first."""
        return tuple(self._names)

    def is_news(self, event: Event) -> bool:
        """Whether an event is to be told: not one that ends a state of which nothing was told. Follows it.

        A beginning always is: it stands in the stream once, when the state begins. One that begins a second time has
        ended meanwhile in a way that is no event, such as a pause.
        """
        if event.kind in _ENDS:
            return self._names.pop(_name(event.kind, event), self) is not self
        end = ENDED_BY.get(event.kind)
        if end is not None:
            self._names[_name(end, event)] = None
            if len(self._names) > MOST_OPEN:
                del self._names[next(iter(self._names))]
        return True


def _name(end: EventKind, event: Event) -> str:
    """Of the state that such an event ends: whose it is, a schedule's or a queue's."""
    return plain(f"{end} {event.id or event.details.get('queue', '')}")


@dataclass(slots=True)
class Group:
    """Events that are told in one message: their numbers by kind, and the first of them."""

    counts: Counter[EventKind] = field(default_factory=Counter[EventKind])
    events: list[Event] = field(default_factory=list[Event])
    lost: list[Loss] = field(default_factory=list[Loss])
    began_at: float | None = None
    grew_at: float = 0.0

    def __bool__(self) -> bool:
        return self.began_at is not None

    @property
    def total(self) -> int:
        """How many events there are."""
        return self.counts.total()

    def add(self, event: Event, now: float) -> None:
        """Counts an event, and keeps it if it is one of the first."""
        self._grow(now)
        self.counts[event.kind] += 1
        if len(self.events) < MOST_SHOWN or self.counts[event.kind] <= SHOWN_OF_EACH:
            self.events.append(event)

    def add_loss(self, loss: Loss, now: float) -> None:
        """Events that were dropped before they could be told."""
        self._grow(now)
        self.lost.append(loss)

    def is_ripe(self, window: float, now: float) -> bool:
        """Whether it is time to tell: so long after the first event; while more keep coming, up to three times as
        long."""
        if self.began_at is None:
            return False
        age = now - self.began_at
        return age >= window and (now - self.grew_at >= window / 3 or age >= 3 * window)

    def _grow(self, now: float) -> None:
        if self.began_at is None:
            self.began_at = now
        self.grew_at = now
