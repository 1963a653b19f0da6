"""Declarative sync: make the schedules of one owner exactly what is defined, and touch nobody else's.

Checks and compares everything before it writes anything. Knows nothing of where the definitions come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rq_scheduler.client.schedules.renaming import Made, renamed
from rq_scheduler.client.schedules.results import SyncResult
from rq_scheduler.client.schedules.writer import MAX_ATTEMPTS, Writer, refusal, too_busy
from rq_scheduler.errors import IdTaken, InvalidArgument, InvalidType, SchedulerError, kind_of
from rq_scheduler.model import Schedule
from rq_scheduler.store.schedules import PAGE, Deleted, Filter, Stored, Write, Written

__all__ = ["Sync"]

T = TypeVar("T")

MAX_NAMED = 5
"""Ids that somebody else has, of which a refusal speaks."""

MAX_BATCH, MAX_BATCH_BYTES = 100, 512 * 1024
"""Schedules, and bytes of their calls, in one write."""


@dataclass(slots=True)
class _Comparison:
    """What has to be written, and what need not; `taken` says of each id that somebody else has who that is,
    `unowned` are the ids that nobody owned."""

    writes: list[Write] = field(default_factory=list[Write])
    unowned: list[str] = field(default_factory=list[str])
    unchanged: list[str] = field(default_factory=list[str])
    taken: list[str] = field(default_factory=list[str])


class Sync:
    """Syncs the schedules of one owner."""

    def __init__(self, writer: Writer, owner: str) -> None:
        if not isinstance(owner, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"owner={owner!r} is {kind_of(owner)}: give a name, such as the application's")
        if not owner.strip() or not owner.isprintable():
            raise InvalidArgument(f"owner={owner!r}: name who keeps these schedules, such as owner='shop', on one line")
        self._writer = writer
        self._owner = owner

    def run(self, definitions: Iterable[Any], *, prune: bool, dry_run: bool, ids_derived: bool = False) -> SyncResult:
        """Compares, and writes unless `dry_run`. `ids_derived`: nobody chose the ids, so what has only got another one
        is the same schedule."""
        made = {schedule.id: (schedule, template) for schedule, template in self._made(definitions)}
        compared = self._compare(list(made.values()))
        if compared.taken:
            raise _taken(compared.taken)
        unwanted = [id for id in self._owned() if id not in made] if prune else []
        names = self._rename(compared, unwanted, made, dry_run=dry_run) if ids_derived else []
        if not dry_run:
            self._write(compared.writes, made)
            # One that is gone by now is gone by this very call, perhaps, sent again when its reply was lost.
            gone = (Deleted.OK, Deleted.UNKNOWN)
            unwanted = [id for id in unwanted if self._writer.store.delete_schedule(id, self._owner) in gone]
        return SyncResult(
            added=tuple(sorted(write.id for write in compared.writes if not write.rev)),
            changed=tuple(sorted(write.id for write in compared.writes if write.rev)),
            removed=tuple(sorted(unwanted)),
            unchanged=tuple(sorted(compared.unchanged)),
            renamed=tuple(sorted(names)),
            changes={write.id: write.changes or {} for write in compared.writes if write.rev},
            taken_over=tuple(sorted(write.id for write in compared.writes if write.id in compared.unowned)),
        )

    def _rename(
        self, compared: _Comparison, unwanted: list[str], made: dict[str, Made], *, dry_run: bool
    ) -> list[tuple[str, str]]:
        """Renames what has got another id, which is then neither new nor unwanted."""
        added = [made[write.id] for write in compared.writes if not write.rev]
        done: list[tuple[str, str]] = []
        for id, stored in renamed(self._writer, added, unwanted, self._owner).items():
            if dry_run or self._writer.store.rename_schedule(stored, id):
                done.append((stored.id, id))
        olds, news = {old for old, _ in done}, {new for _, new in done}
        compared.writes = [write for write in compared.writes if write.id not in news]
        unwanted[:] = [id for id in unwanted if id not in olds]
        return done

    def _made(self, definitions: Iterable[Any]) -> Iterator[Made]:
        if not isinstance(definitions, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(
                f"definitions={definitions!r} is {kind_of(definitions)}: give a list of Schedules, or the "
                "path of a file of them"
            )
        seen: set[str] = set()
        for schedule in definitions:
            if not isinstance(schedule, Schedule):
                raise InvalidType(f"{schedule!r} is {kind_of(schedule)}: sync takes Schedule(id, trigger, func, ...)")
            if schedule.id in seen:
                raise InvalidArgument(f"id={schedule.id!r} is defined twice: give each schedule its own")
            seen.add(schedule.id)
            try:
                yield schedule, self._writer.template(schedule)
            except SchedulerError as error:
                raise type(error)(f"schedule {schedule.id!r}: {error}") from error

    def _compare(self, made: list[Made]) -> _Comparison:
        compared = _Comparison()
        for page in _pages(made):
            now, found = self._writer.store.read_definitions([schedule.id for schedule, _ in page])
            new = [schedule.id for (schedule, _), stored in zip(page, found, strict=True) if stored is None]
            pending = frozenset(self._writer.store.pending_ids(new))
            for (schedule, template), stored in zip(page, found, strict=True):
                other = self._other(schedule.id, stored, pending=schedule.id in pending)
                if other:
                    compared.taken.append(other)
                    continue
                write = self._writer.change(schedule, template, now, stored, self._owner)
                if write is None:
                    compared.unchanged.append(schedule.id)
                else:
                    compared.writes.append(write)
                    if stored is not None and not stored.text("owner"):
                        compared.unowned.append(schedule.id)
        return compared

    def _other(self, id: str, stored: Stored | None, *, pending: bool) -> str:
        """Who else has the id, and the way out; empty if nobody has."""
        if pending:
            return str(refusal(id, Written.PENDING))
        if stored is None:
            return ""
        if stored.kind == "job":
            return f"{id!r} is a recurring job of schedule() or cron(): end it with scheduler.cancel({id!r})"
        owner = stored.text("owner")
        if owner in ("", self._owner):
            return ""
        return f"{id!r} belongs to owner {owner!r}: choose another id, or delete that schedule first"

    def _write(self, writes: list[Write], made: dict[str, Made]) -> None:
        for page in _batches(writes):
            left = page
            for _ in range(MAX_ATTEMPTS):
                outcomes = self._writer.store.write_schedules(left)
                again: list[str] = []
                for write, (outcome, _) in zip(left, outcomes, strict=True):
                    if outcome is Written.CHANGED:
                        again.append(write.id)
                    elif outcome is not Written.OK:
                        raise refusal(write.id, outcome)
                if not again:
                    break
                compared = self._compare([made[id] for id in again])
                if compared.taken:
                    raise _taken(compared.taken)
                left = compared.writes
            else:
                raise too_busy(left[0].id)

    def _owned(self) -> Iterator[str]:
        for ids in self._writer.store.find_schedules(Filter(owner=self._owner)):
            yield from ids


def _taken(reasons: list[str]) -> IdTaken:
    more = f"; and {len(reasons) - MAX_NAMED} more" if len(reasons) > MAX_NAMED else ""
    return IdTaken("; ".join(reasons[:MAX_NAMED]) + more)


def _pages(items: list[T]) -> Iterator[list[T]]:
    return (items[first : first + PAGE] for first in range(0, len(items), PAGE))


def _batches(writes: list[Write]) -> Iterator[list[Write]]:
    """Writes in scripts that do not block Redis for long, however large the calls."""
    batch: list[Write] = []
    size = 0
    for write in writes:
        more = len(write.job.fields["data"]) if write.job else 0
        if batch and (len(batch) == MAX_BATCH or size + more > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(write)
        size += more
    if batch:
        yield batch
