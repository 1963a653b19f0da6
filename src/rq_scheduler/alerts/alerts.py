"""Alerts of one dispatcher: its receivers, each with a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from rq_scheduler.alerts.receivers import Receiver
from rq_scheduler.alerts.sender import Sender
from rq_scheduler.errors import InvalidArgument, InvalidType, check_texts, kind_of
from rq_scheduler.host import host_zone
from rq_scheduler.store import Store
from rq_scheduler.triggers.zones import zone

__all__ = ["Alerts"]

MOST_RECEIVERS = 50

_PATIENCE = 0.3
"""Seconds for which the end of a dispatcher waits for the threads."""


class Alerts:
    """Tells receivers of what happens: `Scheduler.run(alerts=Alerts([...]))`.

    `site` begins each title, for who has several deployments; `timezone` is that of the clock in the sentences, this
    host's unless given. Raises InvalidArgument or InvalidType for what cannot be: a name twice, an unknown zone.
    """

    def __init__(self, receivers: Iterable[Receiver], *, site: str = "", timezone: str | None = None) -> None:
        self.receivers: Sequence[Receiver] = tuple(receivers)
        for each in self.receivers:
            if not isinstance(each, Receiver):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidType(f"receivers has {kind_of(each)} in it: give Receiver(name=..., send=...)")
        names = [each.name for each in self.receivers]
        for name in sorted({name for name in names if names.count(name) > 1}):
            raise InvalidArgument(f"two receivers are named {name!r}: give one of them another name")
        if not names or len(names) > MOST_RECEIVERS:
            raise InvalidArgument(f"there are {len(names)} receivers: give 1 to {MOST_RECEIVERS}")
        check_texts(site=site)
        self.site: str = site
        name = timezone or host_zone()
        zone(name)
        self.zone: tzinfo = UTC if name == "UTC" else ZoneInfo(name)
        self._senders: list[Sender] = []

    def start(self, store: Store) -> None:
        """Begins to send what that Redis tells. A dispatcher calls it once it serves."""
        if self._senders:
            raise InvalidArgument("these alerts belong to another dispatcher of this process: make them once for each")
        self._senders = [Sender(receiver, store, self.site, self.zone) for receiver in self.receivers]
        for sender in self._senders:
            sender.start()

    def stop(self) -> None:
        """Ends it. A message that is on its way may be sent again by another dispatcher."""
        senders, self._senders = self._senders, []
        for sender in senders:
            sender.stop()
        ends_at = time.monotonic() + _PATIENCE
        for sender in senders:
            sender.join(max(0.0, ends_at - time.monotonic()))
