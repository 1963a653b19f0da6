"""Writing definitions: suppose or read what is stored, work out the change, write it if that is so still.

Owns the loop around that, and the errors of a write that is refused. What a change does to the next fire, `changes`
says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.prototype import Prototypes
from rq_scheduler.client.schedules import changes
from rq_scheduler.client.schedules.definition import as_stored, same_job, schedule_of
from rq_scheduler.client.schedules.fields import spec_of, tags_of
from rq_scheduler.client.schedules.results import StoredSchedule, stored_schedule
from rq_scheduler.client.schedules.template import template_of
from rq_scheduler.errors import (
    IdTaken,
    InvalidArgument,
    InvalidType,
    JobUnreadable,
    ScheduleNotFound,
    SchedulerError,
    VersionConflict,
)
from rq_scheduler.model import Schedule, Spec, decode_spec
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import JobFields, Stored, Write, Written

__all__ = ["MAX_ATTEMPTS", "Writer", "job_of", "not_found", "readable_spec", "refusal", "the_schedule", "too_busy"]

MAX_ATTEMPTS = 100
"""How often a change is worked out anew when others change the same schedule meanwhile."""

_POLICIES = frozenset(Spec.__struct_fields__) | {"tags"}
_AT_CREATION = ("paused", "note")


class Writer:
    """Writes for one Scheduler, whose queue, serializer and `_create_job` the schedules get."""

    def __init__(self, context: SchedulerContext) -> None:
        self._context = context
        self._prototypes = Prototypes()
        self._server_ahead = 0  # microseconds, as far as they mattered

    @property
    def store(self) -> Store:
        """The Scheduler's store, whichever it has now."""
        return self._context.store

    @property
    def hides_arguments(self) -> bool:
        """Whether whoever asks may see no values of arguments."""
        return self._context.hides_arguments

    def template(self, definition: Schedule) -> JobFields:
        """The job of a definition, built and checked. See `template_of`."""
        return template_of(self._context, definition, self._prototypes)

    def put(self, definition: Schedule, version: int | None = None) -> StoredSchedule:
        """Makes the stored schedule what is defined, if it is still at that version (0: not there).

        Most are new, or so already: that is supposed, and the write tells whether it holds, so that nothing has to be
        read before."""
        template, clock = self.template(definition), self._context.clock

        def change(now: int, stored: Stored | None) -> Write | None:
            if stored is None:  # it is new, but the moment was not as supposed
                self._server_ahead = now - clock.now_us()
            write = self.change(definition, template, now, stored)
            return write if version is None else _if_at(definition.id, version, stored, write)

        supposed = (
            None
            if version
            else changes.supposition(
                definition.id,
                definition.spec,
                template,
                clock.now_us() + self._server_ahead,
                definition.tags,
                paused=definition.paused,
                note=definition.note,
            )
        )
        return self.redefine(definition.id, change, supposed)

    def update(self, id: str, version: int | None, changed: dict[str, Any]) -> StoredSchedule:
        """Changes these fields of a schedule, if it is still at that version."""
        for name in changed:
            if name in _AT_CREATION:
                raise InvalidType(f"{name}= cannot be updated: call pause({id!r}, note=...) or resume({id!r})")
            if name not in Schedule.__struct_fields__ or name == "id":
                raise InvalidType(
                    f"{name}= is no field of a schedule that can be changed: see put, which takes them all"
                )

        def change(now: int, stored: Stored | None) -> Write | None:
            current = the_schedule(id, stored)
            write = self.edit(current, changed, now)
            return write if version is None else _if_at(id, version, current, write)

        return self.redefine(id, change)

    def redefine(
        self, id: str, change: Callable[[int, Stored | None], Write | None], supposed: Write | None = None
    ) -> StoredSchedule:
        """Writes what `change` makes of the server's time (us) and the schedule as it stands; None leaves it.
        `supposed` is tried before anything is read."""
        stored, write = None, supposed
        if write is None:
            now, (stored,) = self.store.read_definitions([id])
            write = change(now, stored)
        for _ in range(MAX_ATTEMPTS):
            if write is None:
                return self.view(the_schedule(id, stored))
            outcome, now, stored = self.store.write_schedule(write)
            if outcome in (Written.OK, Written.SAME):
                spec = write.spec if outcome is Written.OK else None
                return self.view(the_schedule(id, stored), write.job, spec)
            if outcome is not Written.CHANGED:
                raise refusal(id, outcome)
            write = change(now, stored)
        raise too_busy(id)

    def change(
        self, definition: Schedule, template: JobFields, now: int, stored: Stored | None, owner: str | None = None
    ) -> Write | None:
        """The write that makes `stored` what is defined, and the owner's (None: it keeps its own); None where it is
        so."""
        spec, tags = definition.spec, definition.tags
        if stored is None:
            return changes.creation(
                definition.id, spec, template, now, owner or "", tags, paused=definition.paused, note=definition.note
            )

        def same() -> bool:
            return same_job(self._context.creator, template.fields, stored.template)

        _refuse_newer(the_schedule(definition.id, stored))
        return changes.redefinition(stored, spec, template, now, owner, tags, same_job=same)

    def view(self, stored: Stored, job: JobFields | None = None, spec: Spec | None = None) -> StoredSchedule:
        """What callers are shown of it. `job` and `spec` are what was written, where they have not been read back."""

        def load() -> Schedule:
            return self._shown(stored if job is None else dataclasses.replace(stored, template=as_stored(job.fields)))

        return stored_schedule(stored, load, spec, hides_arguments=self.hides_arguments)

    def views(self, ids: Sequence[str]) -> list[StoredSchedule]:
        """What callers are shown of these, as far as they are there. Their jobs, which may be large, are read when a
        definition is asked for."""
        _, found = self.store.read_definitions(ids, templates=False)
        hides = self.hides_arguments
        return [
            stored_schedule(each, partial(self._read_and_load, each.id), hides_arguments=hides)
            for each in found
            if each is not None
        ]

    def edit(self, current: Stored, changed: dict[str, Any], now: int) -> Write | None:
        """The write that changes these fields; None where they are so."""
        if not changed.keys() <= _POLICIES:
            definition = replace(self._load(current), **changed)
            return self.change(definition, self.template(definition), now, current)
        # The job stays as it is, also where its arguments cannot be loaded here.
        spec = readable_spec(current)
        named: dict[str, Any] = {name: getattr(spec, name) for name in Spec.__struct_fields__}
        named.update(tags=tags_of(current))
        named.update(changed)
        checked = Schedule(current.id, func=current.text("func"), **named)
        job = job_of(current)
        return changes.redefinition(current, checked.spec, job, now, None, checked.tags, same_job=lambda: True)

    def _read_and_load(self, id: str) -> Schedule:
        _, (stored,) = self.store.read_definitions([id])
        if stored is None:
            raise not_found(id)
        return self._shown(stored)

    def _shown(self, stored: Stored) -> Schedule:
        if self.hides_arguments:
            raise JobUnreadable(
                f"schedule {stored.id!r}: its arguments are not shown here; to change them, put the whole definition"
            )
        return self._load(stored)

    def _load(self, stored: Stored) -> Schedule:
        paused = stored.text("paused") == "1"
        spec = readable_spec(stored)
        return schedule_of(
            self._context.creator, stored.id, spec, stored.template, tags_of(stored), stored.text("note"), paused
        )


def _if_at(id: str, version: int, stored: Stored | None, write: Write | None) -> Write | None:
    """The write, where the schedule is at that version; raises VersionConflict otherwise. One version on and just as
    wanted, it may be by this very write, whose reply was lost."""
    present = 0 if stored is None else stored.number("version") or 1
    if present == version + 1 and write is None:
        return None
    if present != version:
        now_is = "not there" if stored is None else f"at version {present}"
        raise VersionConflict(
            f"schedule {id!r} is {now_is}, not {f'at version {version}' if version else 'new'}: read it again, and "
            "decide whether the change still holds"
        )
    return write


def the_schedule(id: str, stored: Stored | None) -> Stored:
    """It. Raises ScheduleNotFound; IdTaken for a recurring job of the 0.14 API, which has ways of its own to be
    changed."""
    if stored is None:
        raise not_found(id)
    if stored.kind == "job":
        raise _is_job(id)
    return stored


def job_of(stored: Stored) -> JobFields:
    """Its job, as a write takes it."""
    fields = {name.decode(): value for name, value in stored.template.items()}
    return JobFields(fields, stored.text("func"), stored.text("call"), stored.text("queue"), stored.text("slow") == "1")


def readable_spec(stored: Stored) -> Spec:
    """When it fires. Raises InvalidArgument where that cannot be read."""
    _refuse_newer(stored)
    spec = spec_of(stored)
    if spec is None:
        raise InvalidArgument(f"schedule {stored.id!r} is damaged: put it again, or delete it")
    return spec


def refusal(id: str, outcome: Written) -> SchedulerError:
    """Why a write was refused."""
    if outcome is Written.PENDING:
        return IdTaken(
            f"id={id!r} belongs to a pending job: cancel it (scheduler.cancel({id!r})), or choose another id"
        )
    if outcome is Written.HELD:
        return IdTaken(
            f"id={id!r} belongs to a job in quarantine: retry or purge it (scheduler.quarantine), or choose another id"
        )
    if outcome is Written.JOB:
        return _is_job(id)
    return InvalidArgument(f"id={id!r}: a key of that schedule holds something else; delete it, or choose another id")


def not_found(id: str) -> ScheduleNotFound:
    """No schedule has this id."""
    return ScheduleNotFound(f"no schedule has the id {id!r}: schedules.find(prefix=...) lists those there are")


def too_busy(id: str) -> SchedulerError:
    """Others were always faster."""
    return SchedulerError(f"schedule {id!r} was changed by others at each of {MAX_ATTEMPTS} attempts: try again")


def _is_job(id: str) -> IdTaken:
    return IdTaken(
        f"{id!r} is a recurring job of schedule() or cron(): change it through its job, run it with enqueue_job, end "
        f"it with scheduler.cancel({id!r}); after that a schedule can have the id"
    )


def _refuse_newer(stored: Stored) -> None:
    try:
        newer = decode_spec(stored.fields.get("spec", b"")) is None
    except (msgspec.DecodeError, SchedulerError):
        return
    if newer:
        raise InvalidArgument(
            f"schedule {stored.id!r} was written by a newer rq-scheduler: upgrade this one to change or run it; it can "
            "be paused and deleted"
        )
