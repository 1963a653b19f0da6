"""Plans of schedules, made before their time or when they are late: takes from Redis which want one, and works it out.

Owns what has been taken and not been planned yet. Writes no plan.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

import msgspec
from redis.exceptions import ResponseError

from rq_scheduler.clock import US
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.recurring import TOGETHER, Recurring
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.planning import MAX_PLANNED, Coming, Instant, coming
from rq_scheduler.store import Store
from rq_scheduler.store.base import armed_text, is_misfit
from rq_scheduler.store.fires import PlanWrite
from rq_scheduler.store.outcomes import Dropped
from rq_scheduler.store.plans import Unplanned
from rq_scheduler.store.rq_format import is_taken_for_id
from rq_scheduler.triggers.made_with import made_with
from rq_scheduler.triggers.work import of_stored

MAX_TAKEN = 250
"""Schedules taken to be planned at once."""

TAKEN_FOR = 1.5
"""Seconds after which those that are not planned yet are given back, and taken anew: Redis gives them to others after
two."""

MAX_COPIES = 512 * 1024
"""Bytes of calls, which runs are copies of, in one write; more of one schedule are written alone."""

RESERVED = 2 * US
"""Recurring jobs that are due so soon (microseconds) are not planned where the application's own code hands them
off."""

PUT_OFF = 60 * US
"""Microseconds after which a schedule that cannot be planned here is tried again."""

MAX_KNOWN = 10_000
"""Plans that other schedules of the same definition may share, and schedules that could not be planned here, which are
remembered."""

MAX_AGE = US // 10
"""Microseconds for which a plan of what is late is shared: in that time it might be on its way as well."""


class Planner:
    """Plans for one dispatcher. `misfit`: a key of a wrong type kept one from going into quarantine."""

    def __init__(self, store: Store, events: Events, recurring: Recurring, *, by_hook: bool) -> None:
        self.misfit: ResponseError | None = None
        self._store = store
        self._events = events
        self._recurring = recurring
        self._by_hook = by_hook
        self._taken: deque[Unplanned] = deque()
        self._taken_at = 0.0
        self._now = 0
        self._more = False
        self._put_off: list[str] = []
        self._refused: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[bytes, int, int, int, bool], tuple[Spec, Coming, int]] = {}

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be planned now."""
        return not (self._taken or self._more)

    def expect(self, *, more: bool) -> None:
        """Takes note whether Redis has some to be planned."""
        self._more = more

    def give_back(self) -> None:
        """Leaves what was taken, and is not planned yet, to others at once."""
        if self._taken:
            self._store.give_back_plans([of.id for of in self._taken])
            self._taken.clear()

    def next_writes(self, until: float, most: int) -> tuple[list[PlanWrite], int]:
        """Plans for some, which come to `most` runs (`in_runs`), the first of them in any case, however late it is by
        the monotonic instant `until`; and the server's time for which they were made (us)."""
        self._take()
        writes: list[PlanWrite] = []
        number, copies = 0.0, 0
        # What was not due when it was taken may be by now.
        now = self._now + int((monotonic() - self._taken_at) * US)
        while self._taken and (not writes or monotonic() < until):
            if not self._is_ready(self._taken[0]):
                continue
            write = self._planned(self._taken[0])
            more = 0.0 if write is None else in_runs(write, now)
            size = int(more) * self._taken[0].size
            if writes and (number + more > most or copies + size > MAX_COPIES):
                break
            self._taken.popleft()
            if write is not None:
                writes.append(write)
                number, copies = number + more, copies + size
        if self._put_off:
            self._store.put_off_plans(self._put_off, self._now + PUT_OFF)
            self._put_off = []
        return writes, self._now

    def _take(self) -> None:
        if self._taken and monotonic() - self._taken_at > TAKEN_FOR:
            self.give_back()
            self._more = True
        if not self._taken and self._more:
            self._taken_at = monotonic()
            taken = self._store.take_to_plan(MAX_TAKEN)
            if taken.now < self._now:
                # The server's clock went back.
                self._known.clear()
                self._refused.clear()
            self._now, self._more = taken.now, taken.more
            self._taken.extend(taken.schedules)

    def _is_ready(self, of: Unplanned) -> bool:
        """Whether that, the first of those taken, can be planned as it is; else it is adopted anew, or left out."""
        if of.job is None:
            return True
        if self._by_hook and of.due <= self._now + RESERVED:
            self._taken.popleft()
            return False
        if not is_taken_for_id(of.id):
            self._taken.popleft()
            self._put_off.append(of.id)  # goes into quarantine once it is due
            return False
        if not of.job.is_changed:
            return True
        changed = [each for each in self._taken if each.job is not None and each.job.is_changed][:TOGETHER]
        records = [each.job for each in changed if each.job is not None]
        adopted = {record.id: record for record in self._recurring.adopted(records, self._now)}
        for each in changed:
            if each.id not in adopted:
                self._taken.remove(each)
                continue
            each.job = adopted[each.id]
            each.rev, each.spec, each.nominal = each.job.rev, each.job.spec, each.job.nominal
            each.armed = armed_text(Instant(each.nominal, each.due))
        return False

    def _planned(self, of: Unplanned) -> PlanWrite | None:
        is_due = of.due <= self._now
        if is_due and self._now < self._refused.get((of.id, of.rev), 0):
            return None
        if of.made_with > made_with() and not is_due:
            self._put_off.append(of.id)  # a newer one has planned it: that goes on
            return None
        try:
            with of_stored():
                found = self._plan(of)
        except (msgspec.DecodeError, SchedulerError, OverflowError) as error:
            reason = f"it cannot be planned: {error}"
            if not is_due:
                self._put_off.append(of.id)
            elif of.job is not None:
                self._recurring.quarantine(of.job, self._now, reason)
            else:
                self._put_aside(of, reason)
            return None
        except Exception as error:  # noqa: BLE001  what befalls this host (memory, files) is not the schedule's fault
            self._refuse(of)
            if is_due:
                self._events.put_off(of.id, error)
            return None
        if found is None:
            self._refuse(of)
            self._events.unreadable_spec(of.id)
            return None
        spec, instants = found
        next_meta = b"" if of.job is None else self._recurring.next_meta(of.job)
        return PlanWrite(of, spec, instants, made_with(), next_meta=next_meta)

    def _put_aside(self, of: Unplanned, reason: str) -> None:
        try:
            if self._store.put_aside(of, reason):
                self._events.dropped(Dropped(of.id, of.due, reason))
        except ResponseError as error:
            if not is_misfit(error):
                raise
            self.misfit = error  # it stays where it is, and holds up nobody

    def _refuse(self, of: Unplanned) -> None:
        """Leaves one that cannot be planned here alone for a while. Another dispatcher may well be able to: what is due
        comes to whoever takes it when Redis gives it away again."""
        if of.due > self._now:
            self._put_off.append(of.id)
            return
        if len(self._refused) >= MAX_KNOWN:
            self._refused.clear()
        self._refused[of.id, of.rev] = self._now + PUT_OFF

    def _plan(self, of: Unplanned) -> tuple[Spec, Coming] | None:
        """The instants of a schedule; None for a spec that a newer version wrote. Those of one definition that are
        armed for one instant share them."""
        now, is_newer = self._now, of.updated is not None and of.updated > of.nominal
        at_most = 1 if of.job is not None else max(1, min(MAX_PLANNED - 1, MAX_COPIES // max(of.size, 1)))
        only_due = of.made_with > made_with()
        key = of.spec, of.nominal, of.due, at_most, only_due
        known = self._known.get(key)
        if known is not None and now < known[2] and (of.due > now or not is_newer):
            return known[0], known[1]
        spec = decode_spec(of.spec)
        if spec is None:
            return None
        armed = Instant(of.nominal, of.due)
        made = coming(of.id, spec, armed, now, updated=of.updated, at_most=at_most, only_due=only_due)
        if spec.jitter is None and (of.due > now or not is_newer):
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = spec, made, _good_until(of, made, now)
        return spec, made


def in_runs(write: PlanWrite, now: int) -> float:
    """What such a plan has Redis do: runs of what is due, of which an outage leaves one schedule many, and the books of
    what was missed. Only to keep it costs half as much as to run it, too."""
    return sum(each.due <= now for each in write.coming.instants) + (write.coming.missed is not None) or 0.5


def _good_until(of: Unplanned, made: Coming, now: int) -> int:
    """Until when a plan that was made now is shared: of what is late, for a moment; of what is not due yet, until it is
    or wants to be continued: what was written later would want that at once, again and again."""
    if of.due <= now:
        return now + MAX_AGE
    return of.due if made.plan_at is None else min(of.due, made.plan_at)
