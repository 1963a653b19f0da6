"""Recurring jobs of the 0.14 API: reads what their meta says, and adopts what 0.14 wrote, or an application has
changed.

Decides nothing about time (`planning`) and writes nothing itself (`store`).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.options import Options
from rq_scheduler.dispatcher.via_rq import ViaRQ
from rq_scheduler.errors import SchedulerError
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.pickles import PICKLES, RECURRENCE, is_opaque, outline
from rq_scheduler.recurrence import recurrence_of, repeats_left
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store import Store
from rq_scheduler.store.outcomes import Dropped
from rq_scheduler.store.series import Adoption, Record, Unadopted
from rq_scheduler.triggers import Cron, Every, Reading, read_pending

TOGETHER = 10
"""Recurring jobs that are adopted in one step, which takes about a millisecond."""


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be adopted; `reading` is how the pending time of a cron string was read at first sight."""

    adoption: Adoption
    reading: Reading | None = None


class Recurring:
    """Adopts recurring jobs for one dispatcher."""

    def __init__(self, store: Store, serializer: Any, options: Options, events: Events, slow: ViaRQ) -> None:
        self._store = store
        self._serializer = serializer
        self._options = options
        self._events = events
        self._slow = slow
        self._zones: tuple[str, ...] = options.adopt_timezones or (host_zone(),)
        self._unnamed = None if options.adopt_timezones else unnamed_zone()
        self._adopted_in: Counter[str | None] = Counter()

    def adopt(self, ids: Sequence[str], now: int) -> None:
        """Makes schedules of those of these jobs that recur and have no record yet; the others are due one-offs, or
        will be, and due ones are handed off. Those that have a record are planned."""
        records = self._store.read_recurring(ids)
        known = [record.id for record in records if record.rev]
        if known:
            self._store.want_plans(known, now)
        self.adopted([record for record in records if not record.rev], now)

    def adopted(self, records: Sequence[Record], now: int) -> list[Record]:
        """These as they are adopted, each for itself, without what is no (longer a) recurring job, or cannot be
        served."""
        wanted = [found for record in records if (found := self._look_at(record, now)) is not None]
        return self._adopted(wanted, now)

    def next_meta(self, record: Record) -> bytes:
        """The meta of a job after its next run, where runs are counted: a rollback to 0.14 finds its counter there.
        Empty where it cannot be read here: then the record counts alone."""
        if record.repeat is None:
            return b""
        try:
            meta = self._read_whole(record.adopted_meta)
            if "repeat" not in meta:
                return b""
            meta["repeat"] = max(record.repeat - 1, 0)
            return self._serializer.dumps(meta)
        except Exception:  # noqa: BLE001  unpickling can raise anything
            return b""

    def take_counts(self) -> Mapping[str | None, int]:
        """How many were adopted since the last call in each zone; None has those that read no clock."""
        counts, self._adopted_in = self._adopted_in, Counter()
        return counts

    def quarantine(self, record: Record, now: int, reason: str) -> None:
        """Puts a job that cannot be served in quarantine, once it is due."""
        if record.due <= now and self._store.quarantine(record.id, record.due, reason):
            self._events.dropped(Dropped(record.id, record.due, reason))

    def _look_at(self, record: Record, now: int) -> Wanted | None:
        spec = None
        if record.rev:
            try:
                spec = decode_spec(record.spec)
            except msgspec.DecodeError as error:
                self.quarantine(record, now, f"its schedule cannot be read: {error}")
                return None
            if spec is None:
                self._events.unreadable_spec(record.id)
                return None
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
            self.quarantine(record, now, f"its recurrence can never fire: {error}")
            return None
        except Exception as error:  # noqa: BLE001  whatever unpickling raises: its classes may not be importable here
            if spec is None:
                self.quarantine(record, now, f"its meta may name a recurrence, and cannot be read here: {error!r}")
                return None
            return Wanted(Adoption(record, spec))
        if trigger is None and spec is not None and record.created_at == record.adopted_created_at:
            return Wanted(Adoption(record, spec))  # the application keeps something else in its meta
        if trigger is None:
            # Plans are also made ahead, and the first look is at everything: a one-off waits for its time.
            if (spec is None or self._store.forget_schedule(record)) and record.due <= now:
                self._slow.hand_off(record.id, record.due, self._store.keys.scheduled_jobs)
            return None
        if spec is None and not self._options.adopt:
            self.quarantine(record, now, "a recurring job of rq-scheduler 0.14, and --no-adopt says not to adopt any")
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

    def _adopted(self, wanted: Sequence[Wanted], now: int) -> list[Record]:
        adopted: list[Record] = []
        outcomes = self._store.adopt([each.adoption for each in wanted])
        for each, outcome in zip(wanted, outcomes, strict=True):
            record, spec = each.adoption.record, each.adoption.spec
            if outcome is Unadopted.FOREIGN:
                key = self._store.keys.schedule(record.id)
                reason = f"the key {key} holds a schedule of schedules.put, or nothing of ours: give the job another id"
                self.quarantine(record, now, reason)
            if isinstance(outcome, Unadopted):
                continue
            if not record.rev:
                self._tell_adopted(record, spec, each.reading)
            adopted.append(outcome)
        return adopted

    def _tell_adopted(self, record: Record, spec: Spec, reading: Reading | None) -> None:
        zone = spec.trigger.timezone if isinstance(spec.trigger, Cron) else None
        self._adopted_in[zone] += 1
        self._events.adopted(record.id, repr(spec.trigger), zone)
        if zone is not None and self._unnamed is not None:
            self._events.zone_unnamed(self._unnamed)
        if reading is not None and reading.elsewhere:
            self._events.misread(record.id, record.due, reading)
