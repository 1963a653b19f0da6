"""The quarantine as clients see it: list it, put entries back, forget them. Each change is one atomic script.

Entries come here in the scripts that find them unservable. Knows nothing of handing off, nor of resuming a schedule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from rq_scheduler.aliases import QuarantineCode
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import decode_spec
from rq_scheduler.store.base import mapping, text, us_of
from rq_scheduler.store.command import Command, Commands, Listing, Procedure, call, pipeline
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.operation import listing, operation
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
    RUN = "run of a schedule"
    RQ = "rq's scheduled job"
    UNKNOWN = "unknown"


_CODES: tuple[tuple[QuarantineCode, str], ...] = (
    ("job_gone", "its job is gone|what was planned is gone"),
    ("job_damaged", "its job has no data|the key .* is not the hash that RQ keeps a job in"),
    ("id_refused", "the installed RQ refuses its id"),
    ("id_taken", "the key .* holds a schedule of schedules.put"),
    ("queue_unnamed", "its job names no queue"),
    ("template_gone", "its job template is gone"),
    ("wrong_type", "the key .* is (no list|not the list of a queue)"),
    ("unplannable", "it cannot be planned|its recurrence can never fire"),
    ("unreadable", "(its schedule|its record in quarantine) cannot be read|its meta may name a recurrence"),
    ("not_adopted", "a recurring job of rq-scheduler 0.14, and --no-adopt"),
)
"""What the reasons begin with, those of earlier versions too: a record holds the reason alone."""

_REASONS: list[tuple[QuarantineCode, re.Pattern[str]]] = [
    (code, re.compile(beginning, re.DOTALL)) for code, beginning in _CODES
]


def code_of(reason: str) -> QuarantineCode:
    """The code of a reason."""
    for code, beginning in _REASONS:
        if beginning.match(reason):
            return code
    return "other"


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

    @property
    def code(self) -> QuarantineCode:
        """Why, in a word."""
        return code_of(self.reason)


class Retried(StrEnum):
    """What became of an entry that was to be put back."""

    OK = "ok"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class QuarantineCommands(Commands):
    """Operations on what nothing could serve."""

    @operation
    def held_count(self) -> Command[int]:
        """How many entries are in quarantine."""
        return call("HLEN", self.keys.quarantine, read=int)

    @operation
    def held_entry(self, id: str) -> Command[Held | None]:
        """The entry of this id; None when there is none in quarantine."""
        return call(
            "HGET", self.keys.quarantine, id, read=lambda raw: None if raw is None else _held(self.keys, id, raw)
        )

    @listing
    def held_pages(self) -> Listing[list[Held]]:
        """All that is in quarantine, in no order, a page a round trip. What changes meanwhile may be missed, or be seen
        twice."""
        cursor: Any = 0
        while True:
            cursor, rows = yield from call("HSCAN", self.keys.quarantine, cursor, "COUNT", PAGE)
            if found := mapping(rows):
                yield [_held(self.keys, text(id), raw) for id, raw in found.items()]
            if int(cursor) == 0:
                return

    @operation
    def retry_entries(self, ids: Sequence[str]) -> Procedure[list[tuple[Retried, str]]]:
        """Puts entries (no schedules) back where they came from; what became of each, and why it was refused."""
        retried: list[tuple[Retried, str]] = []
        for first in range(0, len(ids), BATCH):
            batch = ids[first : first + BATCH]
            # A kept record that cannot be read would come back at once.
            specs = yield from pipeline(call("HGET", self.keys.quarantined(id), "spec", read=_is_spec) for id in batch)
            arguments = [
                part for id, spec in zip(batch, specs, strict=True) for part in (id, "1" if spec is True else "0")
            ]
            reply = yield from self._script("retry_entries", self.keys.scheduled_jobs, self.actor, *arguments)
            retried += [(Retried(text(what)), text(why)) for what, why in zip(reply[::2], reply[1::2], strict=True)]
        return retried

    @operation
    def purge_entries(self, entries: Sequence[Held], keep_for: int) -> Procedure[int]:
        """Forgets these entries, unless their record is another by now; how many were. The job of one that is not
        pending again is canceled, and kept for `keep_for` seconds if it would never expire."""
        purged = 0
        for first in range(0, len(entries), BATCH):
            arguments = [part for each in entries[first : first + BATCH] for part in (each.id, each.raw)]
            outcomes = yield from self._script(
                "purge_entries", self.keys.scheduled_jobs, keep_for, self.actor, *arguments
            )
            purged += outcomes.count(b"ok")
        return purged


def origin_of(keys: Keys, raw: bytes) -> Origin:
    """What an entry in quarantine was before, by its record."""
    return _held(keys, "", raw).origin


def _held(keys: Keys, id: str, raw: bytes) -> Held:
    try:
        record: Any = json.loads(raw.decode("utf-8", "surrogateescape"))
        reason, index, due, queue = (record[name] for name in ("reason", "index", "due", "queue"))
        origin = _origin(keys, index, recurs=record.get("recurs") is True)
        return Held(id, raw, str(reason), int(record["at"]), us_of(due), origin, _text_or_none(queue))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        why = f"its record in quarantine cannot be read ({type(error).__name__}: {error}); purge it"
        return Held(id, raw, why, None, None, Origin.UNKNOWN, None)


def _origin(keys: Keys, index: Any, *, recurs: bool) -> Origin:
    if index == keys.due_schedules:
        return Origin.SCHEDULE
    if index == keys.scheduled_jobs:
        return Origin.RECURRING if recurs else Origin.ONE_OFF
    if index == keys.via_rq:
        return Origin.RUN
    if isinstance(index, str) and index.startswith(scheduled_registry_key(keys.prefix, "")):
        return Origin.RQ
    return Origin.UNKNOWN


def _is_spec(stored: Any) -> bool:
    """Whether a dispatcher can read it, one of a newer version of this package perhaps."""
    if not isinstance(stored, bytes):
        return False
    try:
        decode_spec(stored)
    except (msgspec.DecodeError, SchedulerError):
        return False
    return True


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
