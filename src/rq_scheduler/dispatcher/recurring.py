"""Recurring jobs in a pass: adopt what 0.14 wrote, plan, commit, and answer what the commit says.

Owns the plans made ahead. Decides nothing about time (`planning`) and writes nothing itself (`store`).
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

import msgspec

from rq_scheduler.clock import US
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.options import Options
from rq_scheduler.dispatcher.served import Served
from rq_scheduler.dispatcher.via_rq import ViaRQ
from rq_scheduler.errors import SchedulerError
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.pickles import PICKLES, RECURRENCE, is_opaque, outline
from rq_scheduler.planning import Instant, Plan, plan
from rq_scheduler.recurrence import recurrence_of, repeats_left
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store import Store
from rq_scheduler.store.handoff import Dropped, Fenced, Fire, HandedOff, Outcome, Record
from rq_scheduler.store.series import Adoption, Unadopted
from rq_scheduler.triggers import Cron, Every, Reading, read_pending

BATCH = 100
"""Fires in one commit."""

TOGETHER = 10
"""Recurring jobs that are adopted in one step, which takes about a millisecond."""

COPIES = 512 * 1024
"""Bytes of copies, from which expired jobs are rebuilt, in one commit; a larger one commits alone."""

PLANNING = 0.02
"""Seconds after which what is planned is committed: after an outage a plan may have to count 10,000 missed instants."""

ROUNDS = 4
"""How often one schedule is read again in a pass, when others change it meanwhile."""

KEPT_AHEAD = 10_000
"""Plans kept for schedules that are not due yet."""

MOVED_ON = {Outcome.FIRED, Outcome.SKIPPED, Outcome.BUFFERED, Outcome.ADVANCED}
"""Outcomes with which the missed instants of a plan are counted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be adopted; `reading` is how the pending time of a cron string was read at first sight."""

    adoption: Adoption
    reading: Reading | None = None


class Recurring:
    """Serves recurring jobs of the 0.14 API."""

    def __init__(
        self, store: Store, serializer: Any, options: Options, events: Events, slow: ViaRQ, *, all_slow: bool
    ) -> None:
        self._store = store
        self._serializer = serializer
        self._options = options
        self._events = events
        self._slow = slow
        self._all_slow = all_slow
        self._ahead: dict[str, Fire] = {}
        self._zones: tuple[str, ...] = options.adopt_timezones or (host_zone(),)
        self._unnamed = None if options.adopt_timezones else unnamed_zone()
        self._adopted_in: Counter[str | None] = Counter()

    def look_ahead(self, coming: Sequence[tuple[str, int]]) -> None:
        """Makes the plans of schedules that will soon be due."""
        unplanned = [id for id, due in coming if id not in self._ahead or self._ahead[id].record.due != due]
        if not unplanned:
            return
        if len(self._ahead) > KEPT_AHEAD:
            self._ahead.clear()
        now, records = self._store.read_schedules(unplanned)
        for few in _few(records):
            for record, fire in self._prepared(few, now):
                if fire is not None:
                    self._ahead[record.id] = fire

    def serve(self, ids: Sequence[str], until: float) -> Served:
        """Serves recurring jobs that are due, the first of them in any case. What it does not get to by the monotonic
        instant `until` stays due."""
        served = Served()
        pending = list(ids)
        for turn in range(ROUNDS):
            again: list[str] = []
            for batch in _batches(self._planned(pending, until, served, lasting=turn > 0)):
                again += self._commit(batch, served)
                if served.fenced:
                    return served
            pending, until = again, math.inf  # they have had their turn
            if not pending:
                break
        return served

    def _planned(self, ids: Sequence[str], until: float, served: Served, *, lasting: bool) -> Iterator[Fire]:
        for first in range(0, len(ids), BATCH):
            planned = {id: self._ahead.pop(id) for id in ids[first : first + BATCH] if id in self._ahead}
            yield from planned.values()
            untried = [id for id in ids[first:] if id not in planned]
            unplanned = untried[: BATCH - len(planned)]
            now, records = self._store.read_schedules(unplanned) if unplanned else (0, [])
            for record, fire in (each for few in _few(records) for each in self._prepared(few, now)):
                if fire is not None:
                    yield dataclasses.replace(fire, plan=fire.plan.lasting(now)) if lasting else fire
                if monotonic() > until:
                    served.untried = set(untried[untried.index(record.id) + 1 :])
                    served.unfinished = bool(served.untried)
                    return

    def start_remembered(self, ids: Sequence[str]) -> Served:
        """Starts remembered runs whose predecessor has ended."""
        served = Served()
        now, records = self._store.read_remembering(ids)
        fires = (self._remembered(record, spec) for record, spec in self._known(records, now).values())
        for batch in _batches(fire for fire in fires if fire is not None):
            self._commit(batch, served)
        return served

    def take_counts(self) -> Mapping[str | None, int]:
        """How many were adopted since the last call in each zone; None has those that read no clock."""
        counts, self._adopted_in = self._adopted_in, Counter()
        return counts

    def adopt(self, ids: Sequence[str]) -> None:
        """Makes schedules of those that 0.14 wrote."""
        now, records = self._store.read_schedules(ids)
        self._known([record for record in records if not record.rev], now)

    # Reading and planning

    def _prepared(self, records: Sequence[Record], now: int) -> Iterator[tuple[Record, Fire | None]]:
        """The fires of these, in their order; None for what is no (longer a) recurring job, or cannot be planned."""
        known = self._known(records, now)
        for record in records:
            current, spec = known.get(record.id, (record, None))
            yield record, None if spec is None else self._planned_fire(current, spec, now)

    def _planned_fire(self, record: Record, spec: Spec, now: int) -> Fire | None:
        try:
            planned = plan(record.id, spec, record.nominal, now, due=record.due)
        except (SchedulerError, OverflowError) as error:
            self._quarantine(record, now, f"no run can be planned from its time: {error}")
            return None
        return self._fire(record, spec, planned)

    def _known(self, records: Iterable[Record], now: int) -> dict[str, tuple[Record, Spec]]:
        """By id, the records and their specs, adopted first where a job says something that its record does not;
        without those that are no (longer) recurring jobs that this dispatcher can serve."""
        known: dict[str, tuple[Record, Spec]] = {}
        wanted: list[Wanted] = []
        for record in records:
            found = self._look_at(record, now)
            if isinstance(found, Wanted):
                wanted.append(found)
            elif found is not None:
                known[record.id] = found
        known.update((record.id, (record, spec)) for record, spec in self._adopted(wanted, now))
        return known

    def _look_at(self, record: Record, now: int) -> tuple[Record, Spec] | Wanted | None:
        spec = None
        if record.rev:
            try:
                spec = decode_spec(record.spec)
            except msgspec.DecodeError as error:
                self._quarantine(record, now, f"its schedule cannot be read: {error}")
                return None
            if spec is None:
                self._events.unreadable_spec(record.id)
                return None
            gone = not record.created_at and not record.meta
            if gone or (record.meta, record.created_at) == (record.adopted_meta, record.adopted_created_at):
                return record, spec
        return self._adoption(record, spec, now)

    def _adoption(self, record: Record, spec: Spec | None, now: int) -> Wanted | None:
        if parse_run_id(record.id) is not None:
            # A run of a schedule that RQ has to enqueue waits here for a moment: whatever its meta holds, it runs once.
            if record.due <= now:
                self._slow.hand_off(record.id, record.due, self._store.keys.scheduled_jobs)
            return None
        try:
            meta = self._read_meta(record.meta)
            trigger = recurrence_of(meta, self._zone_of(spec))
            repeat = repeats_left(meta)
        except SchedulerError as error:
            self._quarantine(record, now, f"its recurrence can never fire: {error}")
            return None
        except Exception as error:  # noqa: BLE001  whatever unpickling raises: its classes may not be importable here
            if spec is None:
                self._quarantine(record, now, f"its meta may name a recurrence, and cannot be read here: {error!r}")
                return None
            return Wanted(Adoption(record, spec))
        if trigger is None:
            # Plans are also made ahead, and the first look is at everything: a one-off waits for its time.
            if (spec is None or self._store.forget_schedule(record)) and record.due <= now:
                self._slow.hand_off(record.id, record.due, self._store.keys.scheduled_jobs)
            return None
        if spec is None and not self._options.adopt:
            self._quarantine(record, now, "a recurring job of rq-scheduler 0.14, and --no-adopt says not to adopt any")
            return None
        if spec is None:
            return self._at_first_sight(record, trigger, repeat)
        known = spec if spec.fires_like(trigger) else msgspec.structs.replace(spec, trigger=trigger)
        return Wanted(Adoption(record, known, repeat))

    def _at_first_sight(self, record: Record, trigger: Cron | Every, repeat: int | None) -> Wanted:
        reading = read_pending(trigger, record.due, self._zones) if isinstance(trigger, Cron) else None
        if reading is not None:
            trigger = reading.cron
            record = dataclasses.replace(record, nominal=reading.nominal)
        return Wanted(Adoption(record, Spec(trigger=trigger), repeat), reading)

    def _zone_of(self, spec: Spec | None) -> str:
        """The zone in which a cron string that was edited is read: its own, else that of what is adopted."""
        trigger = None if spec is None else spec.trigger
        return trigger.timezone if isinstance(trigger, Cron) else self._zones[0]

    def _read_meta(self, raw: bytes) -> Any:
        """A job's meta, as far as it says how the job recurs. Its objects are made, which runs what their classes do,
        only where one of them says so, and never if nothing is to be adopted."""
        if not raw or self._serializer not in PICKLES:
            return self._serializer.loads(raw) if raw else None
        meta: Any = outline(raw)[0]
        return self._serializer.loads(raw) if is_opaque(meta, *RECURRENCE) else meta

    def _read_whole(self, raw: bytes) -> Any:
        """A job's meta, to be written again; objects are made only where there are any."""
        if self._serializer in PICKLES and not outline(raw)[1]:
            return outline(raw)[0]
        return self._serializer.loads(raw)

    def _adopted(self, wanted: Sequence[Wanted], now: int) -> list[tuple[Record, Spec]]:
        adopted: list[tuple[Record, Spec]] = []
        outcomes = self._store.adopt([each.adoption for each in wanted])
        for each, outcome in zip(wanted, outcomes, strict=True):
            record, spec = each.adoption.record, each.adoption.spec
            if outcome is Unadopted.FOREIGN:
                key = self._store.keys.schedule(record.id)
                reason = f"the key {key} holds a schedule of schedules.put, or nothing of ours: give the job another id"
                self._quarantine(record, now, reason)
            if isinstance(outcome, Unadopted):
                continue
            if not record.rev:
                self._tell_adopted(record, spec, each.reading)
            adopted.append((outcome, spec))
        return adopted

    def _tell_adopted(self, record: Record, spec: Spec, reading: Reading | None) -> None:
        zone = spec.trigger.timezone if isinstance(spec.trigger, Cron) else None
        self._adopted_in[zone] += 1
        self._events.adopted(record.id, repr(spec.trigger), zone)
        if zone is not None and self._unnamed is not None:
            self._events.zone_unnamed(self._unnamed)
        if reading is not None and reading.elsewhere:
            self._events.misread(record.id, record.due, reading)

    def _fire(self, record: Record, spec: Spec, plan: Plan, *, remembered: bool = False) -> Fire:
        left = record.repeat
        fire = Fire(record, plan, spec, last=left is not None and left <= 1, buffered=remembered)
        if plan.nominal is None or left is None:
            return fire
        try:
            # A rollback to 0.14 finds its counter in the meta. Where that cannot be read here, the record counts alone.
            meta = self._read_whole(record.adopted_meta)
            meta["repeat"] = max(left - 1, 0)
            return dataclasses.replace(fire, meta=self._serializer.dumps(meta))
        except Exception:  # noqa: BLE001  unpickling can raise anything
            return fire

    def _remembered(self, record: Record, spec: Spec) -> Fire | None:
        nominal = record.buffered
        if nominal is None:
            return None
        return self._fire(record, spec, Plan((Instant(nominal, nominal),), None, None, nominal, None), remembered=True)

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
                served.expect(fire.plan.next and fire.plan.next.due)
            if outcome in (Outcome.BUFFERED, Outcome.WAITING):
                served.expect(now + US)
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
                served.expect(fire.plan.next and fire.plan.next.due)
                self._tell(fire, Outcome.FIRED)
            elif outcome in (Outcome.STALE, Outcome.CHANGED) and not fire.buffered:
                again.append(fire.record.id)
        served.fired += len(handed_off)
        served.queues.update(job.queue for job in handed_off)
        if handed_off:
            self._events.handed_off(handed_off, now)
        return again + (self._commit(unsure, served) if unsure else [])

    def _tell(self, fire: Fire, outcome: Outcome) -> None:
        if outcome in (Outcome.SKIPPED, Outcome.BUFFERED) and fire.plan.nominal is not None:
            self._events.not_run(fire.record.id, fire.plan.nominal, outcome)
        elif outcome is Outcome.FIRED and fire.record.id in self._events.held_up:
            self._events.runs_again(fire.record.id)
        elif outcome is Outcome.DELETED:
            self._events.ended(fire.record.id)
        elif outcome is Outcome.BROKEN:
            self._events.dropped(Dropped(fire.record.id, fire.record.due, "its job cannot be read; see the quarantine"))
        if outcome in MOVED_ON and fire.plan.missed is not None:
            self._events.missed(fire.record.id, fire.plan.missed)

    def _quarantine(self, record: Record, now: int, reason: str) -> None:
        if record.due <= now and self._store.quarantine(record.id, record.due, reason):
            self._events.dropped(Dropped(record.id, record.due, reason))


def _few(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """So many as are adopted together, in about a millisecond."""
    return (records[first : first + TOGETHER] for first in range(0, len(records), TOGETHER))


def _batches(fires: Iterable[Fire]) -> Iterator[list[Fire]]:
    """Fires in commits that are small enough for Redis, and do not wait for the planning of too many others."""
    batch: list[Fire] = []
    began, size = monotonic(), 0
    for fire in fires:
        if batch and (len(batch) == BATCH or size + fire.record.copy_bytes > COPIES or monotonic() - began > PLANNING):
            yield batch
            batch, began, size = [], monotonic(), 0
        batch.append(fire)
        size += fire.record.copy_bytes
    if batch:
        yield batch
