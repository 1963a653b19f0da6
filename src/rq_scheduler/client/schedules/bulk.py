"""Many schedules at once: pause, resume, run now, delete those that fit; and what a pause has left out.

Each schedule is changed by itself, atomically; between two of them others may act. A hundred are read in one round
trip and written in another, so that any number takes little memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Unpack

from rq_scheduler.aliases import DurationLike
from rq_scheduler.client.schedules import on_demand
from rq_scheduler.client.schedules.arguments import (
    Selection,
    check_flags,
    check_until,
    selected,
    text_ids,
    until_us,
)
from rq_scheduler.client.schedules.control import Control, check_note, pausing, resuming
from rq_scheduler.client.schedules.fields import spec_of
from rq_scheduler.client.schedules.results import LeftOut
from rq_scheduler.client.schedules.writer import MAX_ATTEMPTS, too_busy
from rq_scheduler.clock import from_us
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.store.schedules import Filter, Stored, Write, Written
from rq_scheduler.triggers.base import not_negative

__all__ = ["BulkControl"]

MAX_NAMED = 5
"""Schedules that are named where some could not be changed."""

_A_PAGE = 100
"""Schedules that are read together."""

_COUNTED = 3_000
"""Ids that one script finds, where they are only counted."""


class BulkControl(Control):
    """The part of `Schedules` that acts on many at a time.

    `selection` is one or more of `tag`, `owner`, `queue_name` and `prefix`, or `everything=True`; InvalidArgument where
    nothing is given. Recurring jobs of the 0.14 API can be deleted, and are passed over by all else. Where some cannot
    be changed, the others are, and SchedulerError names those at the end.
    """

    def pause_all(
        self,
        note: str = "",
        until: datetime | DurationLike | None = None,
        *,
        ids: Sequence[str] | None = None,
        **selection: Unpack[Selection],
    ) -> int:
        """Pause them together, or these `ids`, `until` a moment (aware) or a length of time from now, if given; returns
        how many were paused, or got another note or end.

        One that was paused by itself stays as it is, and stays paused when these are resumed together.
        """
        check_note(note)
        check_until(until)
        found, ends = self._found(ids, selection), until_us(until, self._store.server_time())

        def change(now: int, current: Stored) -> Write | None:
            if current.text("paused") == "1" and current.text("paused_in_bulk") != "1":
                return None
            return pausing(current, note, ends, in_bulk=True)

        return self._change(found, change, "paused")

    def resume_all(
        self, *, all_pauses: bool = False, ids: Sequence[str] | None = None, **selection: Unpack[Selection]
    ) -> int:
        """Resume those of them, or of these `ids`, that were paused together (`pause_all`), and with `all_pauses` those
        that a person, failures or a fault paused, too; returns how many."""
        check_flags(all_pauses=all_pauses)

        def change(now: int, current: Stored) -> Write | None:
            if not all_pauses and current.text("paused_in_bulk") != "1":
                return None
            return resuming(current, now)

        return self._change(self._found(ids, selection, paused=True), change, "resumed")

    def run_all_now(self, *, force: bool = False, **selection: Unpack[Selection]) -> int:
        """One run of each now, also of paused ones, as by `run_now`; returns how many runs were made."""
        check_flags(force=force)
        refused: dict[str, SchedulerError] = {}
        made = 0
        for page in self._pages(selected(selection)):
            for current in page:
                try:
                    made += self.run_now(current.id, force) is not None
                except KeyError:
                    continue  # deleted meanwhile
                except SchedulerError as error:
                    refused[current.id] = error
        _raise(refused, "run")
        return made

    def delete_all(self, **selection: Unpack[Selection]) -> int:
        """Delete them and their history, as by `delete`; returns how many."""
        return sum(self.delete(id) for ids in self._store.find_schedules(selected(selection)) for id in ids)

    def count(self, *, paused: bool | None = None, **selection: Unpack[Selection]) -> int:
        """How many schedules these are, the recurring jobs of the 0.14 API among them; all of them, or the `paused` or
        the other ones."""
        wanted = selected(selection, paused)
        known = self._store.count_in_list(wanted)
        if known is not None:
            return known
        return sum(len(ids) for ids in self._store.find_schedules(wanted, page=_COUNTED))

    def left_out(self, **selection: Unpack[Selection]) -> list[LeftOut]:
        """What the last pause of each has left out, by id: those of which a pause is over, and had instants that no
        `backfill` has made since.

        Each is what `backfill(id, since, until)` takes.
        """
        return [found for page in self._pages(selected(selection)) for current in page if (found := _left_out(current))]

    def backfill_left_out(self, limit: int = 1000, **selection: Unpack[Selection]) -> int:
        """A run for every instant that the last pause of each has left out, as by `backfill`; returns how many.

        More than `limit` of one schedule are refused, and that schedule is passed over.
        """
        not_negative(limit=limit)
        refused: dict[str, SchedulerError] = {}
        made = 0
        for found in self.left_out(**selection):
            try:
                made += len(self.backfill(found.schedule_id, found.since, found.until, limit))
            except KeyError:
                continue
            except SchedulerError as error:
                refused[found.schedule_id] = error
        _raise(refused, "backfilled")
        return made

    # Below the public methods

    def _pages(self, wanted: Filter) -> Iterator[list[Stored]]:
        """The schedules that fit, a page a round trip; no recurring jobs of the 0.14 API."""
        for ids in self._store.find_schedules(wanted):
            _, found = self._store.read_definitions(ids, templates=False)
            yield [stored for stored in found if stored is not None and stored.kind == "schedule"]

    def _found(
        self, ids: Sequence[str] | None, selection: Selection, *, paused: bool | None = None
    ) -> Iterable[Sequence[str]]:
        """The ids, a page at a time."""
        if ids is None:
            return self._store.find_schedules(selected(selection, paused))
        if any(value not in (None, False) for value in selection.values()):
            raise InvalidArgument("ids= goes with no other choice")
        return _pages_of(dict.fromkeys(text_ids(ids)))

    def _change(self, found: Iterable[Sequence[str]], change: Callable[[int, Stored], Write | None], done: str) -> int:
        """Writes what `change` makes of each, at the server's time (us); how many were written."""
        refused: dict[str, SchedulerError] = {}
        changed = 0
        for ids in found:
            left = ids
            for _ in range(MAX_ATTEMPTS):
                writes = self._writes(left, change, refused)
                outcomes = self._store.write_schedules(writes)
                changed += sum(outcome is Written.OK for outcome, _ in outcomes)
                left = [
                    write.id for write, (outcome, _) in zip(writes, outcomes, strict=True) if outcome is Written.CHANGED
                ]
                if not left:
                    break
            refused.update({id: too_busy(id) for id in left})
        _raise(refused, done)
        return changed

    def _writes(
        self, ids: Sequence[str], change: Callable[[int, Stored], Write | None], refused: dict[str, SchedulerError]
    ) -> list[Write]:
        now, found = self._store.read_definitions(ids, templates=False)
        writes: list[Write] = []
        for stored in found:
            if stored is None or stored.kind != "schedule":
                continue
            try:
                write = change(now, stored)
            except SchedulerError as error:
                refused[stored.id] = error
                continue
            if write is not None:
                writes.append(write)
        return writes


def _pages_of(ids: Iterable[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while page := [*islice(left, _A_PAGE)]:
        yield page


def _left_out(current: Stored) -> LeftOut | None:
    since, until, spec = current.moment("paused_at"), current.moment("resumed_at"), spec_of(current)
    if current.text("paused") == "1" or since is None or until is None or spec is None:
        return None
    missing = on_demand.not_backfilled(current, spec, (since, until))
    if not missing:
        return None
    return LeftOut(
        current.id,
        from_us(since),
        from_us(until),
        min(len(missing), on_demand.MAX_COUNTED),
        len(missing) > on_demand.MAX_COUNTED,
        from_us(missing[0]),
    )


def _raise(refused: dict[str, SchedulerError], done: str) -> None:
    if not refused:
        return
    named = "; ".join(f"{id}: {error}" for id, error in list(refused.items())[:MAX_NAMED])
    more = f"; and {len(refused) - MAX_NAMED} more" if len(refused) > MAX_NAMED else ""
    raise SchedulerError(f"{len(refused)} could not be {done}, the others were: {named}{more}")
