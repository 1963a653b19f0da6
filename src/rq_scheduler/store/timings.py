"""What says when schedules run, of many at a time: a few fields of each record, without its job and its runs. Knows
nothing of what is made of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rq_scheduler.store.base import text, us_of
from rq_scheduler.store.command import Command, Commands
from rq_scheduler.store.operation import operation
from rq_scheduler.store.schedules import Stored

__all__ = ["TIMINGS", "TimingCommands"]

TIMINGS = 250
"""Schedules in one read: a few milliseconds of Redis."""

_FIELDS = ("kind", "spec", "queue", "paused", "armed", "repeat", "runs", "ends")


class TimingCommands(Commands):
    """Reads of when schedules run."""

    @operation
    def read_timings(self, ids: Sequence[str]) -> Command[list[Stored]]:
        """Those of these schedules that are there, with what says when they run and how long that takes; at
        most `TIMINGS`. Neither their jobs nor the status of their last runs are read."""

        def read(reply: Sequence[Any]) -> list[Stored]:
            rows = ((id, row) for id, row in zip(ids, reply, strict=True) if len(row) > 1)
            return [_stored(id, row) for id, row in rows]

        return self._script("read_timings", self.keys.due_schedules, *ids, read=read)


def _stored(id: str, row: Sequence[Any]) -> Stored:
    due, *values = row
    fields = {name: value for name, value in zip(_FIELDS, values, strict=False) if value is not None}
    return Stored(id, text(fields["kind"]), us_of(due) if due else None, "", fields, {})
