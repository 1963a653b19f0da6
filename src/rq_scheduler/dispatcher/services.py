"""What may run beside a dispatcher's loop: alerts, for one. The loop knows no more of it than this."""

from __future__ import annotations

from typing import Protocol

from rq_scheduler.store import Store

__all__ = ["Service"]


class Service(Protocol):
    """Has threads of its own, and holds up nobody."""

    def start(self, store: Store) -> None:
        """The dispatcher serves from now on. Returns at once."""
        ...

    def stop(self) -> None:
        """The dispatcher leaves. Returns within half a second, whatever still goes on; no thread keeps the process."""
        ...
