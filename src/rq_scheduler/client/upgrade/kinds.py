"""What one entry of a 0.14 index is, and what the new daemon will make of it. Pure: bytes in, a verdict out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from rq_scheduler.pickles import RECURRENCE, is_opaque
from rq_scheduler.recurrence import recurrence_of, repeats_left
from rq_scheduler.store.survey import RawEntry
from rq_scheduler.triggers import Cron, Reading, legacy_cron, read_pending

__all__ = ["Judge", "Verdict"]

# The dispatcher finds recurring entries by these names in the meta bytes, and so does this.
_MARKERS = (b"interval", b"cron_string", b"queue_class_name")
_OBJECT = (
    "an object says how it recurs, and is not made here to find out; the daemon makes it, which runs what its class "
    "does (with --no-adopt it goes to quarantine)"
)
_MAX_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One entry, judged. `problem` says in words what stops it; `notes` what a cron string is ambiguous about,
    `reading` in which zone it will be read, and whether its pending time fits there."""

    kind: str
    queue: str | None = None
    queue_class: str | None = None
    cron: str | None = None
    reading: Reading | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None
    id_refused: bool = False


class Judge:
    """Judges entries as the dispatcher of this installation would: its serializer, its RQ, its zones."""

    def __init__(
        self, loads: Callable[[bytes], Any], zones: tuple[str, ...], id_accepted: Callable[[str], bool]
    ) -> None:
        self._loads = loads
        self._zones = zones
        self._id_accepted = id_accepted
        self._crons: dict[str, tuple[Cron, tuple[str, ...]] | str] = {}

    def verdict(self, entry: RawEntry) -> Verdict:
        refused = not self._accepts(entry.id)
        if entry.fields is None:
            return Verdict("hash gone", id_refused=refused)
        if not entry.fields:
            return Verdict("unreadable", problem="what stands under its job key is no RQ job", id_refused=refused)
        queue = entry.fields.get("origin", b"").decode(errors="replace") or None
        raw = entry.fields.get("meta", b"")
        if not any(marker in raw for marker in _MARKERS):
            return Verdict("one-off", queue=queue, id_refused=refused)
        try:
            meta = self._loads(raw)
        except Exception as error:  # noqa: BLE001  (unpickling runs whatever the bytes say)
            problem = f"its meta cannot be read here: {type(error).__name__}: {error}"
            return Verdict("unreadable", queue=queue, problem=problem, id_refused=refused)
        if is_opaque(meta, *RECURRENCE):
            return Verdict("unreadable", queue=queue, problem=_OBJECT, id_refused=refused)
        if not isinstance(meta, dict):
            return Verdict("unreadable", queue=queue, problem="its meta is not a dict", id_refused=refused)
        return self._judge_meta(cast("dict[str, Any]", meta), entry.due, queue, refused)

    def _judge_meta(self, meta: dict[str, Any], due: int, queue: str | None, refused: bool) -> Verdict:
        class_name = meta.get("queue_class_name")
        queue_class = class_name if isinstance(class_name, str) else None
        cron, interval = meta.get("cron_string"), meta.get("interval")
        if cron or interval:
            try:
                repeats_left(meta)
            except ValueError as error:
                return Verdict("unreadable", queue, queue_class, problem=str(error), id_refused=refused)
        if cron:
            read = self._read_cron(str(cron))
            if isinstance(read, str):
                return Verdict("unreadable", queue, queue_class, str(cron), problem=read, id_refused=refused)
            reading = read_pending(read[0], due, self._zones)
            notes = read[1]
            if notes and (zone := reading.cron.timezone) != self._zones[0]:
                notes = tuple(legacy_cron(str(cron), zone)[1])  # they name the zone
            return Verdict("cron", queue, queue_class, str(cron), reading, notes, id_refused=refused)
        if not interval:
            return Verdict("one-off", queue, queue_class, id_refused=refused)
        try:
            recurrence_of(meta, self._zones[0])
        except (TypeError, ValueError, OverflowError):
            problem = f"its interval is {interval!r}"
            return Verdict("unreadable", queue, queue_class, problem=problem, id_refused=refused)
        kind = "interval" if meta.get("repeat") is None else "repeat"
        return Verdict(kind, queue, queue_class, id_refused=refused)

    def _accepts(self, raw_id: bytes) -> bool:
        try:
            return self._id_accepted(raw_id.decode())
        except UnicodeDecodeError:
            return False

    def _read_cron(self, expression: str) -> tuple[Cron, tuple[str, ...]] | str:
        """The trigger, and what is ambiguous about the string; or why it is refused."""
        known = self._crons.get(expression)
        if known is None:
            try:
                cron, notes = legacy_cron(expression, self._zones[0])
                known = cron, tuple(notes)
            except ValueError as error:
                known = f"its cron string is refused: {error}"
            if len(self._crons) < _MAX_CACHED:
                self._crons[expression] = known
        return known
