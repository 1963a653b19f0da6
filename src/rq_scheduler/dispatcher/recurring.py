"""Recurring jobs in a pass: adopt what 0.14 wrote, plan, commit, and answer what the commit says.

Owns the plans made ahead. Decides nothing about time (`planning`) and writes nothing itself (`store`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from rq_scheduler.clock import host_zone
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.options import Options
from rq_scheduler.dispatcher.slow_path import SlowPath
from rq_scheduler.errors import SchedulerError
from rq_scheduler.planning import Plan, plan
from rq_scheduler.schedule import Spec, decode_spec, recurrence_of, repeats_left
from rq_scheduler.store import Store
from rq_scheduler.store.handoff import Dropped, Fenced, Fire, HandedOff, Outcome, Record
from rq_scheduler.triggers import Cron

T = TypeVar("T")

BATCH = 100
"""Fires in one commit."""

ROUNDS = 4
"""How often one schedule is read again in a pass, when others change it meanwhile."""

KEPT_AHEAD = 10_000
"""Plans kept for schedules that are not due yet."""

MOVED_ON = {Outcome.FIRED, Outcome.SKIPPED, Outcome.BUFFERED, Outcome.ADVANCED}
"""Outcomes with which the missed instants of a plan are counted."""


@dataclasses.dataclass(slots=True)
class Served:
    """What serving some recurring jobs came to; `next_due` is the first of those armed anew, or put off by jitter."""

    fired: int = 0
    next_due: int | None = None
    fenced: Fenced | None = None

    def expect(self, due: int | None) -> None:
        """Takes note of an instant to come: the batch that read the index has not seen it."""
        if due is not None and (self.next_due is None or due < self.next_due):
            self.next_due = due


class Recurring:
    """Serves recurring jobs of the 0.14 API."""

    def __init__(
        self, store: Store, serializer: Any, options: Options, events: Events, slow: SlowPath, *, all_slow: bool
    ) -> None:
        self._store = store
        self._serializer = serializer
        self._options = options
        self._events = events
        self._slow = slow
        self._all_slow = all_slow
        self._ahead: dict[str, Fire] = {}
        self.timezone = options.adopt_timezone or host_zone()
        self.adopted = self.adopted_crons = 0

    def look_ahead(self, coming: Sequence[tuple[str, int]]) -> None:
        """Makes the plans of schedules that will soon be due."""
        unplanned = [id for id, due in coming if id not in self._ahead or self._ahead[id].record.due != due]
        if not unplanned:
            return
        if len(self._ahead) > KEPT_AHEAD:
            self._ahead.clear()
        for fire in self._prepare(*self._store.read_schedules(unplanned)):
            self._ahead[fire.record.id] = fire

    def serve(self, ids: Sequence[str]) -> Served:
        """Serves recurring jobs that are due."""
        served = Served()
        fires = [fire for id in ids if (fire := self._ahead.pop(id, None))]
        planned = {fire.record.id for fire in fires}
        unread = [id for id in ids if id not in planned]
        for _ in range(ROUNDS):
            for some in _chunks(unread):
                fires += self._prepare(*self._store.read_schedules(some))
            unread = [id for some in _chunks(fires) for id in self._commit(some, served)]
            fires = []
            if not unread or served.fenced:
                break
        return served

    def start_remembered(self, ids: Sequence[str]) -> Served:
        """Starts remembered runs whose predecessor has ended."""
        served = Served()
        now, records = self._store.read_remembering(ids)
        fires = [self._remembered(record, now) for record in records]
        for some in _chunks([fire for fire in fires if fire is not None]):
            self._commit(some, served)
        return served

    def adopt(self, ids: Sequence[str]) -> None:
        """Makes schedules of those that 0.14 wrote; `adopted` and `adopted_crons` count them."""
        now, records = self._store.read_schedules(ids)
        for record in records:
            if not record.rev:
                self._known(record, now)

    # Reading and planning

    def _prepare(self, now: int, records: Iterable[Record]) -> Iterator[Fire]:
        for record in records:
            if (known := self._known(record, now)) is None:
                continue
            current, spec = known
            try:
                planned = plan(current.id, spec, current.due, now)
            except (SchedulerError, OverflowError) as error:
                self._quarantine(current, f"no run can be planned from its time: {error}")
                continue
            yield self._fire(current, spec, planned)

    def _known(self, record: Record, now: int) -> tuple[Record, Spec] | None:
        """The record and its spec, adopted first where the job says something that the record does not; None when
        it is no (longer a) recurring job that this dispatcher can serve."""
        spec = None
        if record.rev:
            try:
                spec = decode_spec(record.spec)
            except msgspec.DecodeError as error:
                self._quarantine(record, f"its schedule cannot be read: {error}")
                return None
            if spec is None:
                self._events.unreadable_spec(record.id)
                return None
            gone = not record.created_at
            if gone or (record.meta, record.created_at) == (record.adopted_meta, record.adopted_created_at):
                return record, spec
        return self._adopted(record, spec, now)

    def _adopted(self, record: Record, spec: Spec | None, now: int) -> tuple[Record, Spec] | None:
        try:
            meta: Any = self._serializer.loads(record.meta) if record.meta else None
            trigger = recurrence_of(meta, self.timezone)
            repeats_left(meta)
        except SchedulerError as error:
            self._quarantine(record, f"its recurrence can never fire: {error}")
            return None
        except Exception as error:  # noqa: BLE001  whatever unpickling raises: its classes may not be importable here
            if spec is None:
                self._quarantine(record, f"its meta may name a recurrence, and cannot be read here: {error!r}")
                return None
            adopted = self._store.adopt(record, spec)
            return None if adopted is None else (adopted, spec)
        if trigger is None:
            # Plans are also made ahead, and the first look is at everything: a one-off waits for its time.
            if (spec is None or self._store.forget_schedule(record)) and record.due <= now:
                self._slow.hand_off(record.id, record.due, self._store.keys.scheduled_jobs)
            return None
        if spec is None and not self._options.adopt:
            self._quarantine(record, "a recurring job of rq-scheduler 0.14, and --no-adopt says not to adopt any")
            return None
        known = Spec(trigger=trigger) if spec is None else spec
        if not known.fires_like(trigger):
            known = msgspec.structs.replace(known, trigger=trigger)
        adopted = self._store.adopt(record, known)
        if adopted is None:
            return None
        if spec is None:
            zone = trigger.timezone if isinstance(trigger, Cron) else None
            self.adopted += 1
            self.adopted_crons += zone is not None
            self._events.adopted(record.id, repr(trigger), zone)
        return adopted, known

    def _fire(self, record: Record, spec: Spec, plan: Plan, *, remembered: bool = False) -> Fire:
        fire = Fire(record, plan, spec, buffered=remembered)
        if plan.nominal is None or b"repeat" not in record.adopted_meta:
            return fire
        try:
            meta = self._serializer.loads(record.adopted_meta)
        except Exception:  # noqa: BLE001  unpickling can raise anything, and read it a moment ago
            return fire
        left = repeats_left(meta)
        if left is None:
            return fire
        meta["repeat"] = max(left - 1, 0)
        return dataclasses.replace(fire, meta=self._serializer.dumps(meta), last=left <= 1)

    def _remembered(self, record: Record, now: int) -> Fire | None:
        known, nominal = self._known(record, now), record.buffered
        if known is None or nominal is None:
            return None
        return self._fire(*known, Plan(nominal, None, None, not_before=nominal, valid_until=None), remembered=True)

    # Committing

    def _commit(self, fires: Sequence[Fire], served: Served) -> list[str]:
        """Commits; returns the ids that have to be read again."""
        commits = self._store.commit_fires(fires, all_slow=self._all_slow)
        if isinstance(commits, Fenced):
            served.fenced = commits
            return []
        now, outcomes = commits
        again: list[str] = []
        unsure: list[Fire] = []
        handed_off: list[HandedOff] = []
        for fire, (outcome, queue) in zip(fires, outcomes, strict=True):
            self._tell(fire, outcome)
            if outcome in MOVED_ON:
                served.expect(fire.plan.next)
            if outcome is Outcome.FIRED:
                handed_off.append(HandedOff(fire.record.id, fire.plan.not_before, queue))
            elif outcome is Outcome.EARLY:
                self._ahead[fire.record.id] = fire
                served.expect(fire.plan.not_before)
            elif outcome is Outcome.VERIFY:
                there = self._store.is_waiting(fire.record.id, queue)
                unsure.append(dataclasses.replace(fire, looked_up="there" if there else "gone"))
            elif outcome is Outcome.SLOW and self._slow.fire(fire):
                served.fired += 1
                served.expect(fire.plan.next)
                self._tell(fire, Outcome.FIRED)
            elif outcome in (Outcome.STALE, Outcome.CHANGED) and not fire.buffered:
                again.append(fire.record.id)
        served.fired += len(handed_off)
        if handed_off:
            self._events.handed_off(handed_off, now)
        return again + (self._commit(unsure, served) if unsure else [])

    def _tell(self, fire: Fire, outcome: Outcome) -> None:
        if outcome in (Outcome.SKIPPED, Outcome.BUFFERED) and fire.plan.nominal is not None:
            self._events.not_run(fire.record.id, fire.plan.nominal, outcome)
        elif outcome is Outcome.DELETED:
            self._events.ended(fire.record.id)
        elif outcome is Outcome.BROKEN:
            self._events.dropped(Dropped(fire.record.id, fire.record.due, "its job cannot be read; see the quarantine"))
        if outcome in MOVED_ON and fire.plan.missed is not None:
            self._events.missed(fire.record.id, fire.plan.missed)

    def _quarantine(self, record: Record, reason: str) -> None:
        if self._store.quarantine(self._store.keys.scheduled_jobs, record.id, record.due, reason):
            self._events.dropped(Dropped(record.id, record.due, reason))


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), BATCH):
        yield items[first : first + BATCH]
