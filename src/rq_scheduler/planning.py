"""What fires now, what was missed, what comes next: a pure function of a schedule, an instant and the time.

Knows no clock, no Redis and no RQ. All times are integer microseconds since the epoch, all durations integer
microseconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from rq_scheduler.clock import US
from rq_scheduler.schedule import Spec
from rq_scheduler.triggers import Every, Trigger

__all__ = ["COUNTED_EXACTLY", "MISSED_AFTER", "Missed", "Plan", "due_time", "jitter_of", "plan"]

MISSED_AFTER = 10 * US
"""A fire that is later than this is missed, not merely late."""

COUNTED_EXACTLY = 10_000
"""So many missed instants are counted one by one; beyond, the count is a lower bound."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A stretch of instants that get no run. `count` is a lower bound when `at_least`."""

    count: int
    first: int
    last: int
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to commit for one schedule, while `not_before` <= the server's time < `valid_until`.

    `nominal` is the instant that runs (None: none does), `next` the one to arm (None: there is no other), and
    `next_due` when that one is due.
    """

    nominal: int | None
    missed: Missed | None
    next: int | None
    not_before: int
    valid_until: int | None
    next_due: int | None = None


def plan(id: str, spec: Spec, armed: int, now: int, *, due: int | None = None) -> Plan:
    """Plans the schedule `id`, whose armed nominal time is `armed`, for the moment `now`, or for the moment at which
    it falls due, if that is later. `due` says when it is, for an instant that a caller has moved.

    Every next instant comes from the trigger and the previous nominal time, never from `now`: no drift.
    """
    series = _Series(id, spec, armed, due)
    moment = max(now, series.due(armed))
    nominal, passed = series.candidate(spec, moment)
    due, next = series.due(nominal), series.after(nominal)
    next_due = None if next is None else series.due(next)

    grace = MISSED_AFTER
    if spec.catchup != "none":
        grace = None if spec.catchup_window is None else max(spec.catchup_window, MISSED_AFTER)
    if grace is not None and moment - due > grace:
        missed = Missed(passed + 1, armed, nominal, at_least=passed >= COUNTED_EXACTLY)
        return Plan(None, missed, next, not_before=moment, valid_until=next_due, next_due=next_due)

    missed = None
    if passed:
        missed = Missed(passed, armed, series.before(nominal), at_least=passed >= COUNTED_EXACTLY)
    horizons = [] if grace is None else [due + grace + 1]
    if next_due is not None and spec.catchup != "all":
        horizons.append(next_due)
    elif next_due is not None and spec.catchup_window is not None:
        # Beyond a window shorter than the grace, it runs only as long as no later one is due.
        horizons.append(max(next_due, due + spec.catchup_window + 1))
    return Plan(nominal, missed, next, not_before=due, valid_until=min(horizons, default=None), next_due=next_due)


def due_time(id: str, spec: Spec, nominal: int) -> int:
    """When an instant of the schedule `id` is due: its nominal time and its jitter."""
    return _Series(id, spec, nominal, None).due(nominal)


def jitter_of(id: str, nominal: int, jitter: int, gap: int | None) -> int:
    """The delay of one instant: stable, pseudo-random, in [0, min(jitter, gap to the next instant))."""
    span = jitter if gap is None else min(jitter, gap)
    if span <= 0:
        return 0
    digest = hashlib.blake2b(f"{id}\0{nominal}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) * span >> 64


class _Series:
    """The instants of one schedule from the armed one on, with their due times."""

    def __init__(self, id: str, spec: Spec, armed: int, due: int | None) -> None:
        self._id = id
        self._due = due
        self._jitter = spec.jitter
        self._armed = armed
        trigger = spec.trigger
        self._trigger: Trigger = trigger.with_anchor(armed) if isinstance(trigger, Every) else trigger

    def after(self, nominal: int) -> int | None:
        return self._trigger.after(nominal)

    def before(self, nominal: int) -> int:
        """The instant before; the armed one may be off the trigger's grid, and nothing comes before it."""
        earlier = self._trigger.before(nominal)
        return self._armed if earlier is None else max(earlier, self._armed)

    def due(self, nominal: int) -> int:
        if nominal == self._armed and self._due is not None:
            return self._due
        if self._jitter == 0:
            return nominal
        next = self.after(nominal)
        return nominal + jitter_of(self._id, nominal, self._jitter, None if next is None else next - nominal)

    def candidate(self, spec: Spec, moment: int) -> tuple[int, int]:
        """The instant that is to run at `moment` unless it is too old, and how many it passes over.

        The newest due one; to catch up on all, the oldest that lies within the window.
        """
        if spec.catchup != "all":
            return self._newest_due(moment)
        if spec.catchup_window is None:
            return self._armed, 0
        horizon = moment - spec.catchup_window - 1
        if self.due(self._armed) > horizon:
            return self._armed, 0
        too_old, passed = self._newest_due(horizon)
        wanted = self.after(too_old)
        if wanted is None or self.due(wanted) > moment:
            return too_old, passed
        return wanted, passed + 1

    def _newest_due(self, moment: int) -> tuple[int, int]:
        nominal = self._armed
        for passed in range(COUNTED_EXACTLY):
            following = self.after(nominal)
            if following is None or self.due(following) > moment:
                return nominal, passed
            nominal = following
        nominal = self.before(moment + 1)
        while self.due(nominal) > moment:
            nominal = self.before(nominal)
        return nominal, COUNTED_EXACTLY
