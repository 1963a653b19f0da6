"""What fires now, what was missed, what comes next: a pure function of a schedule, an instant and the time.

Knows no clock, no Redis and no RQ. All times are integer microseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from rq_scheduler.clock import US
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences

__all__ = [
    "MAX_COUNTED",
    "MISSED_AFTER",
    "PLAN_LEAD_US",
    "Coming",
    "Instant",
    "Missed",
    "Plan",
    "coming",
    "coming_from",
    "due_time",
    "grace_of",
    "plan",
    "resumed",
]

MISSED_AFTER = 10 * US
"""A fire that is later than this is missed, not merely late."""

COMMIT_LEEWAY_US = US
"""Microseconds that a plan may take to be committed, when it was late already."""

MAX_COUNTED = 10_000
"""So many missed instants are counted one by one; beyond, the count is a lower bound."""

MAX_WORK_TO_COUNT = 100_000
"""Nor is more work than this put into counting them: candidates, as `triggers.work` counts."""


PLAN_LEAD_US = 60 * US
"""The instant that follows another is worked out so long before that is due (microseconds), and no sooner: zone data,
holidays and releases that come until then are known to it."""

MAX_PLANNED = 16
"""Instants that are worked out at once: a schedule of every second has as many within seconds."""


# Structs, since a pass makes thousands of these: a frozen dataclass takes five times as long.


class Instant(msgspec.Struct, frozen=True):
    """One instant of a schedule: the time that its trigger names, and that time with jitter."""

    nominal: int
    due: int


class Missed(msgspec.Struct, frozen=True):
    """A stretch of instants that get no run. `count` is a lower bound when `at_least`."""

    count: int
    first: int
    last: int
    at_least: bool = False


class Plan(msgspec.Struct, frozen=True):
    """What to commit for one schedule, while `not_before` <= the server's time < `valid_until`.

    `fires` run, oldest first; `missed` get no run; `next` is the one to arm (None: there is no other).
    """

    fires: tuple[Instant, ...]
    missed: Missed | None
    next: Instant | None
    not_before: int
    valid_until: int | None

    @property
    def nominal(self) -> int | None:
        """The instant that runs, for schedules whose instants run one at a time; None: none does."""
        return self.fires[0].nominal if self.fires else None

    def lasting(self, now: int) -> Plan:
        """The same, good for COMMIT_LEEWAY_US from the moment `now` (us) for which it was made. Where another instant
        comes before each commit, and each new plan is late again, none would ever be served."""
        if self.valid_until is None:
            return self
        return replace(self, valid_until=max(self.valid_until, now + COMMIT_LEEWAY_US))


def plan(
    id: str,
    spec: Spec,
    armed: int,
    now: int,
    *,
    due: int | None = None,
    updated: int | None = None,
    at_most: int = 1,
) -> Plan:
    """Plans the schedule `id`, whose armed nominal time is `armed`, for the moment `now`, or for the moment at which
    it falls due, if that is later.

    `due` says when that is, for an instant that a caller has moved. What is named before `updated`, the moment of the
    definition, never fires late. `at_most` instants run at once when all are caught up.

    Every next instant comes from the trigger and the previous nominal time, never from `now`: no drift.
    """
    occurrences = Occurrences(id, spec, armed, None if due is None else {armed: due})
    moment = max(now, occurrences.due(armed))
    nominal, passed = armed, 0
    following = _after(occurrences, armed)
    if following is not None and following.due <= moment:
        nominal, passed = _candidate(occurrences, spec, armed, moment, updated)
        following = _after(occurrences, nominal)
    due = occurrences.due(nominal)

    never_late = spec.catchup == "none" or (updated is not None and nominal < updated)
    window = _oldest_age(spec)
    grace = MISSED_AFTER if never_late else grace_of(spec)
    if grace is not None and moment - due > grace:
        return Plan((), _missed(passed + 1, armed, nominal), following, moment, following and following.due)

    valid_until = None if grace is None else due + grace + 1
    if following is not None and (spec.catchup != "all" or never_late):
        valid_until = following.due if valid_until is None else min(valid_until, following.due)
    elif following is not None and window is not None and valid_until is not None:
        # Beyond a window shorter than the grace, it runs only as long as no later one is due.
        valid_until = min(valid_until, max(following.due, due + window + 1))
    missed = _missed(passed, armed, _before(occurrences, armed, nominal)) if passed else None
    fires = (Instant(nominal, due),)
    while spec.catchup == "all" and following is not None and following.due <= moment and len(fires) < at_most:
        fires += (following,)
        following = _after(occurrences, following.nominal)
    return Plan(fires, missed, following, due, valid_until)


class Coming(msgspec.Struct, frozen=True):
    """The next instants of a schedule, in order, the armed one first; `finished` when there are no others. `missed` are
    those before them that get no run."""

    instants: tuple[Instant, ...]
    finished: bool
    missed: Missed | None = None

    @property
    def plan_at(self) -> int | None:
        """When the ones that follow have to be worked out, at the latest (microseconds); None: never."""
        if self.finished:
            return None
        before_last = self.instants[-1].due - PLAN_LEAD_US
        if len(self.instants) < MAX_PLANNED:
            return before_last
        return max(before_last, self.instants[len(self.instants) // 2].due)  # half of them are left then


def coming(
    id: str,
    spec: Spec,
    armed: Instant,
    now: int,
    *,
    updated: int | None = None,
    at_most: int = 1,
    only_due: bool = False,
) -> Coming:
    """The instants of the schedule `id` from the first on that may still run, when it is armed for `armed`; no more
    than `at_most` of those that are due. `only_due`: none that is worked out ahead, but for the one to arm then."""
    made = plan(id, spec, armed.nominal, now, due=armed.due, updated=updated, at_most=min(at_most, MAX_PLANNED - 1))
    if made.next is None:
        return Coming(made.fires, True, made.missed)
    instants = (*made.fires, made.next)
    if only_due or not now < made.next.due <= now + PLAN_LEAD_US:
        return Coming(instants, False, made.missed)
    return replace(_followed(Occurrences(id, spec, armed.nominal), instants, now), missed=made.missed)


def coming_from(id: str, spec: Spec, armed: Instant, now: int) -> Coming | None:
    """The instants of the schedule `id` from the one on that is being armed; None where it is too early to say which
    follow."""
    if armed.due > now + PLAN_LEAD_US:
        return None
    return _followed(Occurrences(id, spec, armed.nominal), (armed,), now)


def _followed(occurrences: Occurrences, instants: tuple[Instant, ...], now: int) -> Coming:
    """With those that follow, up to the first that is not due within PLAN_LEAD_US."""
    known = list(instants)
    while len(known) < MAX_PLANNED and known[-1].due <= now + PLAN_LEAD_US:
        following = _after(occurrences, known[-1].nominal)
        if following is None:
            return Coming(tuple(known), True)
        known.append(following)
    return Coming(tuple(known), False)


def resumed(id: str, spec: Spec, armed: int | None, runs: int, at: int) -> Instant | None:
    """The instant to arm when a pause of the schedule `id` ends at `at`: the first after that, or the armed one (its
    nominal time) where its jitter has not run out by then. None when none is left, or it has had its `runs`."""
    if spec.max_runs is not None and runs >= spec.max_runs:
        return None
    occurrences = Occurrences(id, spec)
    if armed is not None and occurrences.after(armed - 1) == armed and at < (due := occurrences.due(armed)):
        return Instant(armed, due)
    return _after(occurrences, at)


def grace_of(spec: Spec) -> int | None:
    """How late (microseconds) an instant that no later one follows yet may run; None: however late."""
    if spec.catchup == "none":
        return MISSED_AFTER
    window = _oldest_age(spec)
    return None if window is None else max(window, MISSED_AFTER)


def due_time(id: str, spec: Spec, nominal: int) -> int:
    """When an instant of the schedule `id` is due: its nominal time and its jitter."""
    return Occurrences(id, spec, nominal).due(nominal)


def _after(occurrences: Occurrences, nominal: int) -> Instant | None:
    following = occurrences.after(nominal)
    return None if following is None else Instant(following, occurrences.due(following))


def _before(occurrences: Occurrences, armed: int, nominal: int) -> int:
    """The instant before; the armed one may be off the trigger's grid, and nothing comes before it."""
    earlier = occurrences.before(nominal)
    return armed if earlier is None else max(earlier, armed)


def _oldest_age(spec: Spec) -> int | None:
    """How late an instant may at most be caught up: those that are younger than the window count."""
    return None if spec.catchup_window is None else spec.catchup_window.us - 1


def _missed(count: int, first: int, last: int) -> Missed:
    return Missed(min(count, MAX_COUNTED), first, last, at_least=count > MAX_COUNTED)


def _candidate(occurrences: Occurrences, spec: Spec, armed: int, moment: int, updated: int | None) -> tuple[int, int]:
    """The instant that is to run at `moment` unless it is too old, and how many it passes over.

    The newest due one; to catch up on all, the oldest of those that are wanted.
    """

    def is_due(nominal: int) -> bool:
        return occurrences.due(nominal) <= moment

    if spec.catchup != "all":
        return _last(occurrences, armed, is_due, moment)

    window = _oldest_age(spec)
    oldest = None if window is None else moment - window

    def is_unwanted(nominal: int) -> bool:
        if updated is not None and nominal < updated:
            return is_due(nominal)
        return oldest is not None and occurrences.due(nominal) < oldest

    if not is_unwanted(armed):
        return armed, 0
    # What is due by some moment is named by then.
    bound = max(
        armed if oldest is None else oldest - 1,
        armed if updated is None else min(moment, updated - 1),
    )
    unwanted, passed = _last(occurrences, armed, is_unwanted, bound)
    wanted = occurrences.after(unwanted)
    if wanted is None or not is_due(wanted):
        return unwanted, passed
    return wanted, passed + 1


def _last(occurrences: Occurrences, armed: int, fits: Callable[[int], bool], bound: int) -> tuple[int, int]:
    """The last instant that fits, none of which lies behind `bound`, and how many come before it.

    The armed one fits. Beyond MAX_COUNTED the count is a lower bound.
    """
    nominal = armed
    for passed in range(MAX_COUNTED + 1):
        if occurrences.work > MAX_WORK_TO_COUNT:
            break
        following = occurrences.after(nominal)
        if following is None or not fits(following):
            return nominal, passed
        nominal = following
    nominal = _before(occurrences, armed, bound + 1)
    while nominal > armed and not fits(nominal):
        nominal = _before(occurrences, armed, nominal)
    return nominal, MAX_COUNTED + 1
