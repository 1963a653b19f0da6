"""`scheduler.schedules`: put, read, change, run and delete schedules.

A face over the store: checks what it is given before anything is written, reads, works out the change, and writes it if
nothing else has changed meanwhile. Knows no key of Redis, and nothing of how a dispatcher serves what it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import MAXYEAR, MINYEAR, date, datetime, tzinfo
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, Unpack, cast, overload
from zoneinfo import ZoneInfo

from rq_scheduler.aliases import DurationLike, FunctionOrTask, ScheduleState
from rq_scheduler.aside import aside
from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.schedules.arguments import check_flags, filter_of, text_id, text_ids
from rq_scheduler.client.schedules.called import Called, called_by
from rq_scheduler.client.schedules.explain import Explanation
from rq_scheduler.client.schedules.explain.gather import explained
from rq_scheduler.client.schedules.files import SUFFIXES, definitions_from, naming
from rq_scheduler.client.schedules.forecasts import Forecasts
from rq_scheduler.client.schedules.results import Run, StoredSchedule, SyncResult, UpcomingRun, runs_of
from rq_scheduler.client.schedules.sync import Sync
from rq_scheduler.client.schedules.upcoming import upcoming_runs
from rq_scheduler.client.schedules.versions import Version, undo_change, versions_of, what_is_undone
from rq_scheduler.client.schedules.writer import not_found
from rq_scheduler.client.schedules.zones import change_timezone, zones_of
from rq_scheduler.clock import duration_us
from rq_scheduler.errors import InvalidArgument, InvalidType, check_texts, kind_of
from rq_scheduler.functions import function_name
from rq_scheduler.model import Schedule, check_id
from rq_scheduler.schedule_options import Changes, Options
from rq_scheduler.store.schedules import PAGE
from rq_scheduler.triggers import AnyTrigger
from rq_scheduler.triggers.base import aware_us, not_negative
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import zone

__all__ = ["Schedules"]

_MOST_HISTORIES = 50

F = TypeVar("F", bound=FunctionOrTask)
D = TypeVar("D")


class Schedules(Forecasts):
    """The schedules of one Redis, seen through a Scheduler, whose queue, serializer and `_create_job` they get."""

    def __init__(self, context: SchedulerContext, cancel_job: Callable[[str], None]) -> None:
        super().__init__(context, cancel_job)
        self._registered: dict[str, Schedule] = {}

    # Defining

    @overload
    def put(self, id: Schedule, /, *, version: int | None = None) -> StoredSchedule: ...
    @overload
    def put(
        self,
        id: str,
        trigger: AnyTrigger,
        func: FunctionOrTask,
        *,
        version: int | None = None,
        **options: Unpack[Options],
    ) -> StoredSchedule: ...
    def put(
        self,
        id: str | Schedule,
        trigger: AnyTrigger | None = None,
        func: FunctionOrTask | None = None,
        *,
        version: int | None = None,
        **options: Unpack[Options],
    ) -> StoredSchedule:
        """Create a schedule, or replace it, atomically: `put(id, trigger, func, **options)` or `put(Schedule(...))`.

        The options are those of `Schedule`; `func` may be a Task of Django's. The same definition again changes
        nothing, neither version, next run nor history. A changed trigger, start, end or exclusion recomputes the next
        run from now; counts and history stay.
        `paused` and `note` apply when it is created. With `version` (of the schedule as it was read; 0: it was not
        there), raises VersionConflict when the definition is another by now.

        Raises InvalidArgument or InvalidType (a ValueError, a TypeError) that names what is wrong, FunctionRefused for
        a function that workers cannot import or a call that does not fit it, IdTaken for the id of a pending job or of
        a recurring job of the 0.14 API. Nothing is written then.
        """
        if version is not None:
            not_negative(version=version)
        return self._writer.put(_definition(id, trigger, func, options), version)

    def register(self, id: str, trigger: AnyTrigger, **options: Unpack[Options]) -> Callable[[F], F]:
        """On a function: collect a schedule of it, which `sync` without definitions puts. Nothing is sent on import.

        Raises InvalidArgument when another function is registered under the id.
        """

        def collect(func: F) -> F:
            known = self._registered.get(id)
            if known is not None and known.func is not func and function_name(known.func) != function_name(func):
                names = f"{function_name(known.func)} and {function_name(func)}"
                raise InvalidArgument(f"id={id!r} is registered twice, for {names}: give each its own")
            self._registered[id] = Schedule(id, trigger, func, **options)
            return func

        return collect

    def sync(
        self,
        definitions: Iterable[Schedule] | str | Path | None = None,
        owner: str = "",
        prune: bool = True,
        dry_run: bool = False,
        rq_timezone: str | None = None,
    ) -> SyncResult:
        """Make the schedules of `owner` exactly these, and touch nobody else's.

        `definitions` are Schedules, the path of a TOML or JSON file, or an RQ cron configuration (a `.py` file, or a
        module's dotted name); without them, what `register` has collected. Schedules that nobody owns and that are
        defined here become the owner's. `prune` deletes those of the owner that are not defined; `dry_run` writes
        nothing and says what would change. `rq_timezone` is the zone of the cron strings in an RQ cron configuration;
        without it, each keeps the zone that it has since the last sync, and the first sync reads them in UTC. A job of
        such a configuration that has only got another name, and with it another id, keeps its history.

        Everything is checked before anything is written: raises InvalidArgument or InvalidType naming the schedule.
        """
        check_flags(prune=prune, dry_run=dry_run)
        if definitions is None:
            definitions = list(self._registered.values())
            if not definitions:
                raise InvalidArgument(
                    f"nothing is registered, so this would delete all schedules of {owner!r}: import the modules that "
                    "call schedules.register, or give the definitions (an empty list, if that is meant)"
                )
        if isinstance(definitions, str | Path):
            given = aside(definitions_from, definitions, rq_timezone, lambda: zones_of(self._store, owner))
        elif rq_timezone is not None:
            raise InvalidArgument(
                f"rq_timezone={rq_timezone!r} is for an RQ cron configuration: give its path as the definitions"
            )
        else:
            given = definitions
        derived = isinstance(definitions, str | Path) and Path(definitions).suffix.lower() not in SUFFIXES
        syncing = Sync(self._writer, owner)
        with naming(definitions) if isinstance(definitions, str | Path) else nullcontext():
            return syncing.run(given, prune=prune, dry_run=dry_run, ids_derived=derived)

    def update(self, id: str, *, version: int | None = None, **changes: Unpack[Changes]) -> StoredSchedule:
        """Change some fields of a schedule: `update("nightly", jitter="1m", args=("weekly",))`.

        With `version` (of the schedule as it was read), raises VersionConflict when somebody has changed the definition
        since. Raises ScheduleNotFound; what cannot be is refused as by `put`. Nothing is written then.
        """
        if version is not None:
            not_negative(version=version)
        return self._writer.update(check_id(id), version, cast("dict[str, Any]", changes))

    def change_timezone(self, id: str, timezone: str | ZoneInfo) -> StoredSchedule:
        """Have a schedule, or a recurring job of `Scheduler.cron`, read its clock in another zone (an IANA name).

        Its next run is then the first one of the new zone from now on; one that is due already, and has not been handed
        off yet, stays if it is one there too. All else stays. The same zone again changes nothing.

        Raises ScheduleNotFound; InvalidArgument for an unknown zone, and for what reads no clock.
        """
        return change_timezone(self._writer, text_id(id), timezone)

    def undo(self, change: str | AuditEntry, *, version: int | None = None) -> StoredSchedule:
        """Put back the definition that a schedule had before its last change, or the one with which it was deleted.

        `change` is its id, or the entry of the audit that tells of the change. With `version` (the one that is to be
        undone), or an entry, raises VersionConflict when the definition has been changed since. An undone change is
        a change, and can be undone in turn; pauses, counts and history stay, but of one that was deleted these are
        gone. No argument is loaded, so code that is not here does not matter.

        Raises ScheduleNotFound; InvalidArgument where no earlier definition is kept: there are ten, for 30 days after a
        deletion. Nothing is written then.
        """
        if version is not None:
            not_negative(version=version)
        id, made = what_is_undone(change, version)
        return undo_change(self._writer, check_id(id), made)

    # Reading

    def versions(self, id: str) -> list[Version]:
        """The definitions that a schedule has and had, newest first: the present one and ten before it; of one that was
        deleted, for 30 days.

        Raises ScheduleNotFound; IdTaken for a recurring job of the 0.14 API, of which no earlier definitions are kept.
        """
        return versions_of(self._writer, text_id(id))

    def called(self, id: str, version: int | None = None) -> Called:
        """What a schedule calls, by name, as it is or as it was at an earlier version; no argument is loaded.

        Raises ScheduleNotFound; VersionConflict for a version that is not kept.
        """
        return called_by(self._writer, text_id(id), version)

    def __getitem__(self, id: str) -> StoredSchedule:
        """The schedule of this id. Raises ScheduleNotFound, a KeyError."""
        found = self.get(id)
        if found is None:
            raise not_found(id)
        return found

    @overload
    def get(self, id: str, default: None = None) -> StoredSchedule | None: ...
    @overload
    def get(self, id: str, default: D) -> StoredSchedule | D: ...
    def get(self, id: str, default: Any = None) -> Any:
        """The schedule of this id, or `default`. Raises InvalidType for an id that is no text."""
        _, (stored,) = self._store.read_definitions([text_id(id)])
        return default if stored is None else self._writer.view(stored)

    def read(self, ids: Sequence[str]) -> list[StoredSchedule]:
        """The schedules of these ids, in their order, without unknown ones; a hundred in one round trip."""
        asked = text_ids(ids)
        pages = (asked[first : first + PAGE] for first in range(0, len(asked), PAGE))
        return [stored for page in pages for stored in self._writer.views(page)]

    def __contains__(self, schedule: object) -> bool:
        """Whether there is a schedule of this id, or of the id of this schedule."""
        id = schedule.id if isinstance(schedule, StoredSchedule | Schedule) else schedule
        return isinstance(id, str) and self._store.has_schedule(id)

    def __len__(self) -> int:
        """How many schedules there are."""
        return self._store.count_schedules()

    def __bool__(self) -> bool:
        """A collection is always there, also an empty one."""
        return True

    def __iter__(self) -> Iterator[StoredSchedule]:
        """All schedules by id, as `find_iter` reads them."""
        return self.find_iter()

    def find(
        self,
        *,
        tag: str | None = None,
        queue_name: str | None = None,
        prefix: str | None = None,
        paused: bool | None = None,
        owner: str | None = None,
        state: ScheduleState | None = None,
        offset: int = 0,
        limit: int = 100,
        behind: str | None = None,
    ) -> list[StoredSchedule]:
        """A page of the schedules that fit all that is given, by id, in a few round trips. `state`: those that are
        "failing", "late" (past what they `expect`) or "running".

        `offset` and `limit` count schedules; `behind` is the last id of the page before, from which any page is as
        quick as the first. Raises InvalidArgument or InvalidType for one that cannot be.
        """
        not_negative(offset=offset, limit=limit)
        found = self.find_iter(
            tag=tag,
            queue_name=queue_name,
            prefix=prefix,
            paused=paused,
            owner=owner,
            state=state,
            offset=offset,
            limit=limit,
            behind=behind,
        )
        return list(found)

    def find_iter(
        self,
        *,
        tag: str | None = None,
        queue_name: str | None = None,
        prefix: str | None = None,
        paused: bool | None = None,
        owner: str | None = None,
        state: ScheduleState | None = None,
        offset: int = 0,
        limit: int | None = None,
        behind: str | None = None,
    ) -> Iterator[StoredSchedule]:
        """As `find`, and all of them without a `limit`; read a page at a time as they are used: any number takes little
        memory. Those that appear or vanish meanwhile may be missed."""
        not_negative(offset=offset, limit=0 if limit is None else limit)
        check_texts(behind=behind)
        wanted = filter_of(tag, queue_name, prefix, owner, paused, state)
        return chain.from_iterable(map(self._writer.views, self._store.find_schedules(wanted, offset, limit, behind)))

    def upcoming(self, within: DurationLike | None = None, limit: int = 100) -> list[UpcomingRun]:
        """What will run next, across all schedules, in due order: at most `limit` runs, those due `within` a time from
        now.

        Overdue runs come first. Paused schedules have none.
        """
        not_negative(limit=limit)
        horizon = None if within is None else duration_us(within, "within")
        if horizon is not None and horizon < 0:
            raise InvalidArgument(f"within={within!r} is negative: give a length of time from now on")
        return upcoming_runs(self._store, self._writer.views, limit, horizon)

    def runs(self, id: str, limit: int = 20) -> list[Run]:
        """The last runs of a schedule, newest first (50 are kept), with RQ's status of each job now.

        Raises ScheduleNotFound.
        """
        not_negative(limit=limit)
        now, kind, rows = self._store.read_runs(text_id(id), limit)
        if not kind:
            raise not_found(id)
        return runs_of(rows, now, kind)

    def runs_of(self, ids: Sequence[str], limit: int = 20) -> dict[str, list[Run]]:
        """The same of several schedules, 50 at most, in a round trip for each 1,000 runs; unknown ones have none.

        Raises InvalidArgument for more.
        """
        not_negative(limit=limit)
        asked = text_ids(ids)
        if len(asked) > _MOST_HISTORIES:
            raise InvalidArgument(f"{len(asked)} histories are too many for one answer: ask for {_MOST_HISTORIES}")
        if not asked:
            return {}
        now, found = self._store.read_many_runs(asked, limit)
        return {id: runs_of(rows, now, kind) for id, (kind, rows) in zip(asked, found, strict=True)}

    def explain(self, id: str, at: datetime | date | None = None, timezone: str | tzinfo | None = None) -> Explanation:
        """Why a schedule ran at a time, or did not: `explain("nightly-report", at).sentence`.

        `id` is that of a schedule, of one of its runs (`at` is left out then), of a recurring job of the 0.14 API, or
        of a one-off. `at` is an aware datetime, of which one to the minute means the first instant of that minute; a
        date, for the last instant of that day by the schedule's clock; or None for the newest instant that should have
        run. `timezone` is the reader's, whose clock is told beside the schedule's; the one of `at` unless given.

        An id of which nothing is known is explained as such. Raises InvalidArgument or InvalidType for a naive `at`, an
        unknown zone, or a job's id with a time.
        """
        reader = None if timezone is None else ZoneInfo(zone(zone_name(timezone)).name)
        if isinstance(at, datetime):
            aware_us(at, "at")
            reader = reader or at.tzinfo
        elif at is not None and not isinstance(at, date):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"at={at!r} is {kind_of(at)}: give an aware datetime, or a date for all of a day")
        if at is not None and not MINYEAR < at.year < MAXYEAR:
            raise InvalidArgument(f"at={at.isoformat()} lies at the end of all calendars: give a year between")
        return explained(self._context, self._writer.view, text_id(id), at, reader)


def _definition(id: Any, trigger: Any, func: Any, options: Any) -> Schedule:
    if not isinstance(id, Schedule):
        return Schedule(id, trigger, func, **options)
    if trigger is not None or func is not None or options:
        raise InvalidType(
            "put(Schedule(...)) takes nothing beside it: give all in the Schedule, or put(id, trigger, func)"
        )
    return id
