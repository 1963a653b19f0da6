"""What a person does to one schedule: pause, resume, run now, backfill, delete.

A face over the writer and `on_demand`, as `api` is; what is done to many at once is in `bulk`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rq.job import Job

from rq_scheduler.aliases import DurationLike
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.schedules import changes, on_demand
from rq_scheduler.client.schedules.arguments import check_flags, check_until, until_us
from rq_scheduler.client.schedules.results import StoredSchedule
from rq_scheduler.client.schedules.writer import MAX_ATTEMPTS, Writer, readable_spec, the_schedule, too_busy
from rq_scheduler.errors import InvalidArgument, InvalidType, check_encodable, kind_of
from rq_scheduler.model import check_id
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import Deleted, Stored, Write
from rq_scheduler.triggers.base import not_negative

__all__ = ["Control"]


class Control:
    """The part of `Schedules` that acts on one schedule at a time."""

    def __init__(self, context: SchedulerContext, cancel_job: Callable[[str], None]) -> None:
        self._context = context
        self._cancel_job = cancel_job
        self._writer = Writer(context)

    def pause(self, id: str, note: str = "", until: datetime | DurationLike | None = None) -> StoredSchedule:
        """No run until `resume`, or `until` a moment (aware) or a length of time from now, from which on it fires
        again by itself. The note says why, to people.

        A paused one gets the note and the end that are given now: an earlier `until` no longer counts. Raises
        ScheduleNotFound; InvalidArgument for a moment that has passed.
        """
        check_note(note)
        check_until(until)

        def change(now: int, stored: Stored | None) -> Write | None:
            return pausing(the_schedule(id, stored), note, until_us(until, now))

        return self._writer.redefine(check_id(id), change)

    def resume(self, id: str) -> StoredSchedule:
        """Let a paused schedule fire again, from its next instant on: what passed meanwhile is not caught up, and
        `left_out` tells what that was.

        Nothing happens when it is not paused. Raises ScheduleNotFound; InvalidArgument where what it calls is gone
        (`StoredSchedule.cannot_run`): it would be paused again at once.
        """

        def change(now: int, stored: Stored | None) -> Write | None:
            return resuming(the_schedule(id, stored), now)

        return self._writer.redefine(check_id(id), change)

    def run_now(self, id: str, force: bool = False) -> Job | None:
        """One run now, whatever the trigger says, also of a paused schedule; its next run stays as it is.

        The schedule's `overlap` applies unless `force`. Returns the job, or None when it was skipped, or is remembered
        until the present run ends. Raises ScheduleNotFound, and InvalidArgument where no run can be made.
        """
        check_flags(force=force)
        for _ in range(MAX_ATTEMPTS):
            now, current = self._read(id)
            made = on_demand.run_now(self._context, current, readable_spec(current), now, force=force)
            if made is not None:
                return made.job
        raise too_busy(id)

    def backfill(self, id: str, since: datetime, until: datetime, limit: int = 1000) -> list[str]:
        """A run for every instant in [since, until), both aware and not in the future, each once, also if asked twice.

        Ignores overlap, and counts neither for `max_runs` nor for what is due. Returns the job ids of the runs made,
        oldest first. Raises InvalidArgument, with nothing written, for more than `limit` instants; ScheduleNotFound.
        """
        not_negative(limit=limit)
        stretch = on_demand.stretch_of(since, until)
        made: list[str] = []
        for _ in range(MAX_ATTEMPTS):
            now, current = self._read(id)
            if on_demand.backfill(self._store, current, readable_spec(current), stretch, limit, now, made):
                return made
        raise too_busy(id)

    def delete(self, id: str) -> bool:
        """Delete a schedule and its history; False when there is none. Runs already in their queue stay.

        One of the 0.14 API (`schedule`, `cron`) ends as by `Scheduler.cancel`.
        """
        deleted = self._store.delete_schedule(check_id(id))
        if deleted is Deleted.JOB:
            self._cancel_job(id)
        return deleted in (Deleted.OK, Deleted.JOB)

    # Below the public methods

    @property
    def _store(self) -> Store:
        return self._context.store

    def _read(self, id: str) -> tuple[int, Stored]:
        now, (stored,) = self._store.read_definitions([check_id(id)], templates=False)
        return now, the_schedule(id, stored)


def check_note(note: object) -> None:
    """Raises InvalidType for what is no text."""
    if not isinstance(note, str):
        raise InvalidType(f"note={note!r} is {kind_of(note)}: give text")
    check_encodable(note=note)


def pausing(current: Stored, note: str, ends: int | None, *, in_bulk: bool = False) -> Write | None:
    """The write that pauses a schedule; None where it is paused just so. `ends`: when it does so by itself (us)."""
    wanted = ("1", note, "" if ends is None else str(ends), "1" if in_bulk else "")
    if wanted == tuple(current.text(name) for name in ("paused", "note", "paused_until", "paused_in_bulk")):
        return None
    return Write(current.id, current.text("rev"), paused=True, note=note, ends=ends, in_bulk=in_bulk)


def resuming(current: Stored, now: int) -> Write | None:
    """The write that has a paused schedule fire again; None where it is not paused. Raises InvalidArgument where its
    definition cannot be read, or what it calls is gone."""
    if current.text("paused") != "1":
        return None
    if current.text("cannot_run"):
        raise InvalidArgument(
            f"schedule {current.id!r} cannot fire again: its job template, which says what it calls, is gone from "
            "Redis. Put it again, then resume it"
        )
    return changes.resumption(current, readable_spec(current), now)
