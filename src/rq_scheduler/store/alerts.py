"""Who is told of events by alerts: receivers lent to dispatchers, how far each has been told, which cannot be reached.

Knows no message and no way to send one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from rq_scheduler.clock import US
from rq_scheduler.store.base import is_ok, mapping, scores, text, whole
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline, script
from rq_scheduler.store.operation import operation
from rq_scheduler.store.processes import if_allowed
from rq_scheduler.store.streams import PAGE, StreamEntry, entries_of

__all__ = ["AlertCommands", "AlertPage", "AlertReceiver", "AlertStateCommands", "Held"]

_MOST_RECEIVERS = 100
"""Receivers that are read at once."""


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Events for a receiver, oldest first. now: the server's time (us). remembered: what is remembered of the receiver;
    empty unless that was asked for. added: how many events there have ever been, kept: how many are kept (None where
    the server does not tell). oldest: the place of the first that is kept, empty for none. reached: whether the event
    at the place behind which was read is kept. full: whether there may be more."""

    now: int
    remembered: Mapping[str, str]
    added: int | None
    kept: int | None
    oldest: str
    reached: bool
    entries: Sequence[StreamEntry]

    @property
    def full(self) -> bool:
        return len(self.entries) >= PAGE


@dataclass(frozen=True, slots=True)
class Held:
    """Another dispatcher sends to a receiver, for so many seconds more if it does not renew that."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AlertReceiver:
    """A receiver as it stands. served_at: when a dispatcher last looked for it (us). failing_since: since when it
    cannot be reached (us), None if it can; error: what it answered last, without secrets. waiting: events that it is
    yet to be told, as far as they are known."""

    name: str
    served_at: int
    failing_since: int | None = None
    error: str = ""
    waiting: int = 0


class AlertCommands(Commands):
    """What a dispatcher does for a receiver."""

    @operation
    def take_alerts(self, name: str, token: str, lease: float, behind: str = "") -> Command[AlertPage | Held | None]:
        """Takes a receiver for `lease` seconds, or keeps it for so long, and reads the events behind a place: a page
        at most. Without a place it begins, behind what is remembered. Held while another dispatcher has the receiver,
        None where another has had it since this one took it, or it was forgotten."""
        arguments = (name, token, int(lease * 1000), behind, PAGE)
        return self._script("take_alerts", self.keys.alert_receivers, *arguments, read=_page)

    @operation
    def note_alerts(self, name: str, token: str, **fields: str) -> Command[bool]:
        """Remembers this of a receiver; False where another dispatcher has it, or it was forgotten."""
        flat = [each for pair in fields.items() for each in pair]
        return script("note_alerts", self.keys.alert_receiver(name), token, *flat, read=is_ok)

    @operation
    def forget_alert_receiver(self, name: str) -> Command[bool]:
        """Remembers nothing of a receiver any more; False where nothing was. A dispatcher that sends to it begins
        anew."""
        return self._script("forget_alerts", self.keys.alert_receivers, name, read=is_ok)


class AlertStateCommands(Commands):
    """What everybody may read of receivers."""

    @operation
    def alert_receivers(self) -> Procedure[list[AlertReceiver]]:
        """The receivers of the last week, by name; a hundred at most."""
        found = yield from if_allowed(
            call("ZRANGE", self.keys.alert_receivers, 0, _MOST_RECEIVERS - 1, "WITHSCORES", read=scores), {}
        )
        names = sorted(found)
        rows = yield from pipeline(
            call("HMGET", self.keys.alert_receiver(name), "failing_since", "error", "waiting") for name in names
        )
        return [_receiver(name, found[name], row) for name, row in zip(names, rows, strict=True)]


def _receiver(name: str, served_at: float, row: Any) -> AlertReceiver:
    since, error, waiting = (None, None, None) if isinstance(row, RedisError) else row
    return AlertReceiver(name, round(served_at * US), whole(since), text(error or b""), whole(waiting) or 0)


def _page(reply: Sequence[Any]) -> AlertPage | Held | None:
    outcome, now, *rest = reply
    if outcome == b"held":
        return Held(int(rest[0]) / 1000)
    if outcome == b"lost":
        return None
    remembered, added, kept, oldest, reached, entries = rest
    return AlertPage(
        int(now),
        {text(name): text(value) for name, value in mapping(remembered).items()},
        whole(added),
        whole(kept),
        text(oldest),
        reached == b"1",
        entries_of(entries),
    )
