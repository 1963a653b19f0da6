"""Plans that schedules share: those of one definition that are armed for one instant. Redis is given those that several
have wanted, and fires by them without another question.

Owns which plans are kept, and which of them Redis is given. Makes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from rq_scheduler.clock import US
from rq_scheduler.model import Spec
from rq_scheduler.planning import Plan
from rq_scheduler.store.due import Armed, DuePage, SharedPlan
from rq_scheduler.store.shared_plans import shared_plan

KEPT = 10_000
"""Plans that other schedules may share."""

GIVEN, MOST = 64, 1_000
"""Plans that Redis is given at once, of one instant, since it reads them each time; and in all."""

WANTED = 5.0
"""Seconds after which what shares a plan has been served, when nobody has wanted it."""

SOON = US // 10
"""Microseconds before its time from which on a plan is given: that may come while it is on its way."""

LEFT, AVOIDED = 10, 600.0
"""Schedules of which Redis leaves so many, and most, have something to be looked at (runs that still wait, as when
workers are away): for so many seconds Redis is given no plan of their definition."""

Key = tuple[bytes, int, int]
"""The definition, the instant, and when that is due."""


class SharedPlans:
    """Plans of schedules that have no jitter, and a definition no newer than the instant. `gives`: whether Redis is
    given any."""

    def __init__(self, gives: Callable[[], bool]) -> None:
        self._gives = gives
        self._plans: dict[tuple[Key, int], tuple[Spec, Plan]] = {}
        self._wanted: dict[Key, _Wanted] = {}
        self._of_instant: Counter[int] = Counter()
        self._avoided: dict[bytes, float] = {}

    def of(self, armed: Armed, at_most: int, moment: int) -> tuple[Spec, Plan] | None:
        """The plan that was made for another of the same definition, if it holds at that moment (us); for no more than
        `at_most` runs."""
        if not _may_share(armed):
            return None
        key = _key(armed)
        found = self._plans.get((key, at_most))
        if found is None or not holds(found[1], moment):
            return None
        if key in self._wanted:
            self._wanted[key].at = monotonic()
        elif self._may_give(armed) and _is_plain(*found) and self._gives():
            self._wanted[key] = _Wanted(shared_plan(armed, found[1], found[0].overlap), armed.due, monotonic())
            self._of_instant[armed.due] += 1
        return found

    def _may_give(self, armed: Armed) -> bool:
        has_room = len(self._wanted) < MOST and self._of_instant[armed.due] < GIVEN
        return has_room and armed.spec.isascii() and monotonic() >= self._avoided.get(armed.spec, 0.0)

    def keep(self, armed: Armed, at_most: int, spec: Spec, plan: Plan) -> None:
        """Keeps a plan for others, if they may share it."""
        if spec.jitter is None and _may_share(armed):
            if len(self._plans) > KEPT:
                self._plans.clear()
            self._plans[_key(armed), at_most] = spec, plan

    def serves(self, armed: Armed) -> bool:
        """Whether Redis will be given a plan for it, when it is due: it needs no other."""
        wanted = self._wanted.get(_key(armed)) if self._wanted and _may_share(armed) and self._gives() else None
        if wanted is not None:
            wanted.at = monotonic()
        return wanted is not None

    def given(self, now: int) -> list[SharedPlan]:
        """What Redis fires by at about that moment (us)."""
        if not (self._wanted and self._gives()):
            return []
        oldest = monotonic() - WANTED
        self._wanted = {
            key: wanted
            for key, wanted in self._wanted.items()
            if wanted.at > oldest and holds(wanted.shared.plan, max(now, wanted.due))
        }
        self._of_instant = Counter(wanted.due for wanted in self._wanted.values())
        due = [wanted for wanted in self._wanted.values() if wanted.due <= now + SOON]
        return [wanted.shared for wanted in sorted(due, key=lambda wanted: -wanted.at)[:GIVEN]]

    def saw(self, page: DuePage) -> None:
        """Takes note of the plans by which Redis has fired some, and of those by which it would not."""
        if not page.given:
            return
        fired: Counter[SharedPlan] = Counter()
        for each in page.fired:
            fired[each.by] += each.runs
        given = set(page.given)
        left = Counter(key for armed in page.due if (key := _key(armed)) in self._wanted)
        for key, wanted in list(self._wanted.items()):
            runs, back = fired[wanted.shared], left[key]
            if runs:
                wanted.at = monotonic()
            if back >= LEFT and back > runs and wanted.shared in given:
                del self._wanted[key]
                self._avoid(key[0])

    def _avoid(self, definition: bytes) -> None:
        now = monotonic()
        self._avoided = {each: until for each, until in self._avoided.items() if until > now}
        if len(self._avoided) < KEPT:
            self._avoided[definition] = now + AVOIDED


@dataclass(slots=True)
class _Wanted:
    """A plan that several have wanted, the last of them at that monotonic instant; for what is due then (us)."""

    shared: SharedPlan
    due: int
    at: float


def holds(plan: Plan, moment: int) -> bool:
    """Whether a plan answers for that moment (us) too."""
    return plan.not_before <= moment and (plan.valid_until is None or moment < plan.valid_until)


def _key(armed: Armed) -> Key:
    return armed.spec, armed.nominal, armed.due


def _may_share(armed: Armed) -> bool:
    return armed.updated is None or armed.updated <= armed.nominal


def _is_plain(spec: Spec, plan: Plan) -> bool:
    """Whether Redis may fire by it: what else there is to look at, the long way knows."""
    counts = spec.max_runs is not None or spec.pause_on_failures is not None
    one = len(plan.fires) == 1 and plan.missed is None and plan.next is not None
    return one and not counts and spec.overlap in ("skip", "allow", "replace")
