"""How far a receiver has come in the stream of events, and what of that was trimmed away before it came there. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from rq_scheduler.store.alerts import AlertPage
from rq_scheduler.store.streams import NOTHING
from rq_scheduler.views.alerts import Loss

__all__ = ["Position", "at_or_before"]

_MS = 1000


@dataclass(frozen=True, slots=True)
class Position:
    """place: of the last event that was read. count: how many events there had ever been up to it; None where the
    server does not tell."""

    place: str
    count: int | None

    def behind(self, page: AlertPage) -> tuple[Position, Loss | None]:
        """The position behind a page that was read from here, and what was lost in between."""
        # From where the page begins: no later than all that is kept.
        count, loss = self.count, None
        if count is not None and page.added is not None and page.kept is not None and count <= page.added:
            trimmed = page.added - page.kept
            if trimmed > count:
                loss, count = self._loss(page, trimmed - count), trimmed
        else:
            # Where nobody counts: the last event that was read is gone, and younger ones are there.
            if self.place != NOTHING and not page.reached and page.entries and page.oldest == page.entries[0].place:
                loss = self._loss(page, None)
            # All that is kept behind here is on this page, unless it is full: then the count is known from the next on.
            count = None if page.added is None or page.full else page.added - len(page.entries)
        if not page.entries:
            return Position(self.place, count), loss
        return Position(page.entries[-1].place, None if count is None else count + len(page.entries)), loss

    def _loss(self, page: AlertPage, count: int | None) -> Loss:
        since = None if self.place == NOTHING else int(self.place.partition("-")[0]) * _MS
        return Loss(count, since, page.entries[0].at if page.entries else page.now)


def at_or_before(place: str, other: str) -> bool:
    """Whether a place in the stream is no later than another."""
    return _numbers(place) <= _numbers(other)


def _numbers(place: str) -> tuple[int, int]:
    ms, _, number = place.partition("-")
    return int(ms), int(number or 0)
