"""Parked jobs as dispatchers see them: one-offs that were planned under an id of which RQ still has a live job.

What clients do with them (save, cancel, move, read) they do with pending ones, in the same scripts: see `entries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rq_scheduler.store.base import fence_arguments, us_of
from rq_scheduler.store.command import Command, Commands
from rq_scheduler.store.handoff import fenced
from rq_scheduler.store.operation import operation
from rq_scheduler.store.outcomes import Fenced

LOOKED_AT = 50
"""Parked jobs that are looked at in one step."""


@dataclass(frozen=True, slots=True)
class Released:
    """How many parked jobs became pending, the earliest of their due times, and when to look at the others (us)."""

    count: int
    next_due: int | None
    next_look: int | None


class ParkedCommands(Commands):
    """Operations on parked jobs."""

    @operation
    def release_parked(self, *, behind_fence: bool = True) -> Command[Released | Fenced]:
        """Looks at parked jobs whose time for that has come: each whose id RQ has no live job of any more becomes a
        pending entry, with its own due time. `behind_fence`: only while our dispatchers hold the fence."""
        fence = fence_arguments(self.keys) if behind_fence else ("", "", 0)
        return self._script("release_parked", self.keys.scheduled_jobs, *fence, LOOKED_AT, read=_released)


def _released(reply: Sequence[Any]) -> Released | Fenced:
    if reply[0] == b"fenced":
        return fenced(reply)
    _, count, next_due, next_look = reply
    return Released(count, us_of(next_due) if next_due else None, us_of(next_look) if next_look else None)
