"""The quarantine as clients see it: list it, put entries back, forget them. Each change is one atomic script.

Entries come here in the scripts that find them unservable. Knows nothing of handing off, nor of resuming a schedule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import msgspec
from redis.client import NEVER_DECODE

from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import decode_spec
from rq_scheduler.store.base import Operations, pairs, text, us_of, wire
from rq_scheduler.store.rq_format import scheduled_registry_key

PAGE = 200
"""Entries in one read."""

BATCH = 100
"""Entries in one change."""


class Origin(StrEnum):
    """What an entry was before: its words are those that people are shown."""

    ONE_OFF = "one-off"
    RECURRING = "recurring job"
    SCHEDULE = "schedule"
    RQ = "rq's scheduled job"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Held:
    """An entry in quarantine. `raw` is its record as it stands; `at` (when it was put there) and `due` are
    microseconds, None where the record does not say. An unreadable record has the origin `UNKNOWN`, and why as its
    reason."""

    id: str
    raw: bytes
    reason: str
    at: int | None
    due: int | None
    origin: Origin
    queue: str | None


class Retried(StrEnum):
    """What became of an entry that was to be put back."""

    OK = "ok"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class QuarantineOperations(Operations):
    """Operations on what nothing could serve."""

    def held_count(self) -> int:
        """How many entries are in quarantine."""
        return self.connection.hlen(self.keys.quarantine)

    def held_entry(self, id: str) -> Held | None:
        """The entry of this id; None when there is none in quarantine."""
        raw = self._raw("HGET", self.keys.quarantine, wire(id))
        return None if raw is None else self._held(id, raw)

    def held_pages(self) -> Iterator[list[Held]]:
        """All that is in quarantine, in no order, a page a round trip. What changes meanwhile may be missed, or be seen
        twice."""
        cursor: Any = b"0"
        while True:
            cursor, rows = self._raw("HSCAN", self.keys.quarantine, cursor, "COUNT", PAGE)
            found = cast("Mapping[bytes, bytes]", rows) if isinstance(rows, dict) else pairs(rows)
            if found:
                yield [self._held(text(id), raw) for id, raw in found.items()]
            if int(cursor) == 0:
                return

    def retry_entries(self, ids: Sequence[str]) -> list[tuple[Retried, str]]:
        """Puts entries (no schedules) back where they came from; what became of each, and why it was refused."""
        retried: list[tuple[Retried, str]] = []
        for first in range(0, len(ids), BATCH):
            batch = ids[first : first + BATCH]
            flags = self._readable(batch)
            arguments = [part for id, flag in zip(batch, flags, strict=True) for part in (wire(id), flag)]
            reply = self._run("retry_entries", self.keys.scheduled_jobs, self.keys.prefix, *arguments)
            retried += [(Retried(text(what)), text(why)) for what, why in zip(reply[::2], reply[1::2], strict=True)]
        return retried

    def purge_entries(self, entries: Sequence[Held], keep_for: int) -> int:
        """Forgets these entries, unless their record is another by now; how many were. The job of one that is not
        pending again is canceled, and kept for `keep_for` seconds if it would never expire."""
        purged = 0
        for first in range(0, len(entries), BATCH):
            batch = entries[first : first + BATCH]
            arguments = [part for each in batch for part in (wire(each.id), each.raw)]
            reply = self._run("purge_entries", self.keys.scheduled_jobs, self.keys.prefix, keep_for, *arguments)
            purged += reply.count(b"ok")
        return purged

    def _raw(self, *command: Any) -> Any:
        # Bytes come back even through a client that decodes: an id may be no text.
        return self.connection.execute_command(*command, **{NEVER_DECODE: True})

    def _readable(self, ids: Sequence[str]) -> list[str]:
        """Whether the kept record of each can be read: one that cannot would come back at once."""
        pipe = self.connection.pipeline(transaction=False)
        for id in ids:
            pipe.hget(wire(self.keys.quarantined(id)), "spec")
        return ["1" if _is_spec(spec) else "0" for spec in pipe.execute(raise_on_error=False)]

    def _held(self, id: str, raw: bytes) -> Held:
        try:
            record: Any = json.loads(raw.decode("utf-8", "surrogateescape"))
            reason, index, due, queue = (record[name] for name in ("reason", "index", "due", "queue"))
            origin = self._origin(index, recurs=record.get("recurs") is True)
            return Held(id, raw, str(reason), int(record["at"]), us_of(due), origin, _text_or_none(queue))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            why = f"its record in quarantine cannot be read ({type(error).__name__}: {error}); purge it"
            return Held(id, raw, why, None, None, Origin.UNKNOWN, None)

    def _origin(self, index: Any, *, recurs: bool) -> Origin:
        if index == self.keys.due_schedules:
            return Origin.SCHEDULE
        if index == self.keys.scheduled_jobs:
            return Origin.RECURRING if recurs else Origin.ONE_OFF
        if isinstance(index, str) and index.startswith(scheduled_registry_key(self.keys.prefix, "")):
            return Origin.RQ
        return Origin.UNKNOWN


def _is_spec(stored: Any) -> bool:
    """Whether a dispatcher can read it, one of a newer version of this package perhaps."""
    if isinstance(stored, str):
        stored = stored.encode()
    if not isinstance(stored, bytes):
        return False
    try:
        decode_spec(stored)
    except (msgspec.DecodeError, SchedulerError):
        return False
    return True


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
