"""`scheduler.quarantine`: what nothing could serve, with reasons; putting it back, and forgetting it.

A face over the store. Knows no key of Redis, and not how an entry comes here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from rq.defaults import DEFAULT_FAILURE_TTL

from rq_scheduler.aliases import DurationLike, EntryKind, QuarantineCode
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.clock import duration_us, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, RetryRefused, SchedulerError, kind_of
from rq_scheduler.store import Store
from rq_scheduler.store.quarantine import Held, Origin, Retried

__all__ = ["Quarantine", "Quarantined", "RetryResult"]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An entry that nothing could serve.

    reason: why, for people; code: the same in a word, for programs, by which they group. kind: "one-off", "recurring
    job" (of `schedule` or `cron`), "schedule", "run of a schedule" (that RQ had to enqueue), "rq's scheduled job" (of
    RQ's own `enqueue_at`), or "unknown" where its record cannot be read. at: when it was put here; due: when it was
    due; both aware UTC, None where the record does not say, or no calendar has the time. queue: its queue's name, where
    that was known.
    """

    id: str
    reason: str
    kind: EntryKind
    at: datetime | None
    due: datetime | None
    queue: str | None
    code: QuarantineCode


@dataclass(frozen=True, slots=True)
class RetryResult:
    """What `retry_all` came to: the ids that are back, and why the others stay."""

    retried: tuple[str, ...]
    refused: dict[str, str]


class Quarantine:
    """The quarantine of one Redis, seen through a Scheduler. Iterating reads a page a round trip, in no order; what
    changes meanwhile may be missed, or be seen twice."""

    def __init__(self, context: SchedulerContext, schedules: Schedules) -> None:
        self._context = context
        self._schedules = schedules

    def __len__(self) -> int:
        """How many entries there are."""
        return self._store.held_count()

    def __bool__(self) -> bool:
        """A collection is always there, also an empty one."""
        return True

    def __iter__(self) -> Iterator[Quarantined]:
        for page in self._store.held_pages():
            yield from map(_view, page)

    def __contains__(self, id: object) -> bool:
        """Whether an entry of this id is in quarantine."""
        return isinstance(id, str) and self._store.held_entry(id) is not None

    def get(self, id: str) -> Quarantined | None:
        """The entry of this id; None when there is none. Raises InvalidType for what is no text."""
        held = self._store.held_entry(_id(id))
        return None if held is None else _view(held)

    def codes(self) -> dict[QuarantineCode, int]:
        """How many entries there are of each code, the most first."""
        counted = Counter[QuarantineCode]()
        for page in self._store.held_pages():
            counted.update(held.code for held in page)
        return dict(counted.most_common())

    def retry(self, id: str) -> bool:
        """Put an entry back where it came from, atomically: with its due time, so that it is handed off at once when
        that has passed. A recurring job goes on as it was; a schedule is resumed, from its next instant on.

        False when there is none of this id. Raises RetryRefused, a ValueError, where it would come to nothing (its job
        is gone, or the id belongs to something newer): the entry stays in quarantine.
        """
        held = self._store.held_entry(_id(id))
        if held is None:
            return False
        refused = self._retry([held])
        if id in refused:
            raise RetryRefused(f"{id!r} stays in quarantine: {refused[id]}. Mend that, or purge the entry")
        return True

    def retry_all(self, code: QuarantineCode | None = None) -> RetryResult:
        """Put everything back that can go back, or all of one code; see `retry`. Raises InvalidArgument for a code that
        there is not."""
        _check_code(code)
        retried: dict[str, None] = {}
        refused: dict[str, str] = {}
        for page in self._store.held_pages():
            page = [held for held in page if held.id not in retried and code in (None, held.code)]
            refused |= self._retry(page)
            retried |= {held.id: None for held in page if held.id not in refused}
        return RetryResult(tuple(retried), refused)

    def purge(self, id: str) -> bool:
        """Forget an entry; False when there is none of this id, or it has just come here once more.

        Its job, if it still waits to be scheduled, becomes canceled, and RQ's failure TTL (a year) later expires, as by
        `Scheduler.cancel`. What is pending again under the id, and a schedule (it stays paused), is not touched.
        """
        held = self._store.held_entry(_id(id))
        if held is None:
            return False
        self._store.purge_entries([held], DEFAULT_FAILURE_TTL)
        return id not in self

    def purge_all(self, older_than: DurationLike | None = None, code: QuarantineCode | None = None) -> int:
        """Forget everything, or what has been here for longer than `older_than` (seconds, a timedelta or text such as
        "30d"), or is of one code; how many entries. See `purge`.

        With `older_than`, records that do not say since when stay. Raises InvalidArgument or InvalidType for what is no
        length of time, or no code.
        """
        _check_code(code)
        before = None
        if older_than is not None:
            length = duration_us(older_than, "older_than")
            if length < 0:
                raise InvalidArgument(f"older_than={older_than!r} is negative: give a length of time")
            before = self._store.server_time() - length
        return sum(
            self._store.purge_entries(
                [
                    held
                    for held in page
                    if (before is None or (held.at is not None and held.at < before)) and code in (None, held.code)
                ],
                DEFAULT_FAILURE_TTL,
            )
            for page in self._store.held_pages()
        )

    @property
    def _store(self) -> Store:
        return self._context.store

    def _retry(self, entries: list[Held]) -> dict[str, str]:
        """Why each of those was refused that were."""
        ids = [held.id for held in entries if held.origin is not Origin.SCHEDULE]
        answers = zip(ids, self._store.retry_entries(ids), strict=True)
        refused = {id: why for id, (outcome, why) in answers if outcome is Retried.REFUSED}
        for held in entries:
            if held.origin is Origin.SCHEDULE and (why := self._resume(held.id)) is not None:
                refused[held.id] = why
        return refused

    def _resume(self, id: str) -> str | None:
        """Lets a schedule fire again, which takes it out of quarantine; why not, otherwise."""
        _, (stored,) = self._store.read_definitions([id])
        if stored is None or stored.kind != "schedule":
            return "there is no such schedule any more: put it again"
        if not stored.template:
            return "its job template is gone: put the schedule again"
        if stored.text("paused") != "1":
            # Somebody has resumed it since it was read here, or a fault of its key is over: there is nothing to resume.
            return None if self._store.held_entry(id) is None else "it is active: nothing has to be put back"
        try:
            self._schedules.resume(id)
        except SchedulerError as error:
            return str(error)
        return None


def _id(id: str) -> str:
    if not isinstance(id, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (users without a type checker)
        raise InvalidType(f"id={id!r} is {kind_of(id)}: give the id of an entry in quarantine")
    return id


def _view(held: Held) -> Quarantined:
    at, due = _moment(held.at), _moment(held.due)
    return Quarantined(held.id, held.reason, held.origin.value, at, due, held.queue, held.code)


def _check_code(code: str | None) -> None:
    known: tuple[str, ...] = get_args(QuarantineCode)
    if code is not None and code not in known:
        raise InvalidArgument(f"code={code!r} is none of a quarantine: give one of {', '.join(known)}")


def _moment(us: int | None) -> datetime | None:
    try:
        return None if us is None else from_us(us)
    except SchedulerError:
        return None
