"""What the next change of each zone's clock does to the schedules that read it.

Reads all that fit, a page at a time, and works each timing out once, however many schedules have it. What a change does
to one is judged by `rq_scheduler.clock_changes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from rq_scheduler.client.schedules.fields import is_paused, spec_of
from rq_scheduler.clock import from_us
from rq_scheduler.clock_changes import ClockChange, ClockEffect, EffectKind, effect_of, next_change
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import Spec
from rq_scheduler.store import Store
from rq_scheduler.store.schedules import Filter, Stored
from rq_scheduler.store.timings import TIMINGS
from rq_scheduler.triggers import AnyTrigger

__all__ = [
    "ChangeOfClocks",
    "ClockChanges",
    "TouchedGroup",
    "TouchedSchedule",
    "read_clock_changes",
    "touched_schedules",
]

MAX_GROUPS = 1_000
"""Groups of one change that are told apart; the schedules of all others are counted."""

MAX_NAMED = 5
"""Schedules of a group that are named."""

_REMEMBERED = 20_000
"""Timings whose effects are remembered: some megabytes."""


@dataclass(frozen=True, slots=True)
class TouchedSchedule:
    """A schedule that names local times which a change of the clock jumps over or shows twice, and what becomes of
    them. `paused`: it has no run then unless it is resumed before."""

    id: str
    trigger: AnyTrigger
    paused: bool
    change: ClockChange
    effect: ClockEffect


@dataclass(frozen=True, slots=True)
class TouchedGroup:
    """Schedules with one trigger, of which a change makes the same: how many, the ids of the first few, and how many of
    them are paused."""

    trigger: AnyTrigger
    effect: ClockEffect
    schedules: int
    ids: tuple[str, ...]
    paused: int


@dataclass(frozen=True, slots=True)
class ChangeOfClocks:
    """A change, and what it does. `groups`: the schedules that name times which it jumps over or shows twice, the
    largest groups first, the thousand first of them at most; `more` counts the schedules of all others. `counts`: all
    of them by what becomes of their times, those included that name none ("shifted")."""

    change: ClockChange
    groups: tuple[TouchedGroup, ...]
    counts: Mapping[EffectKind, int]
    more: int = 0

    @property
    def touched(self) -> int:
        """How many name times that it jumps over or shows twice."""
        return sum(self.counts.values()) - self.shifted

    @property
    def shifted(self) -> int:
        """How many name none of them, and run at other times of UTC from then on."""
        return self.counts.get("shifted", 0)


@dataclass(frozen=True, slots=True)
class ClockChanges:
    """The next change of each zone's clock in (since, until], in order of time; aware UTC.

    `steady`: of the zones whose clock does not change by then, how many schedules read it. `elapsed`: schedules that
    read no clock (intervals, single moments): they run on in UTC, whatever clocks show. `unreadable`: those whose
    trigger a newer version wrote, or that is damaged. `schedules`: how many there are, of which one may read several
    clocks.
    """

    since: datetime
    until: datetime
    changes: tuple[ChangeOfClocks, ...] = ()
    steady: Mapping[str, int] = field(default_factory=dict[str, int])
    elapsed: int = 0
    unreadable: int = 0
    schedules: int = 0


class _Timing(NamedTuple):
    """All that the effect of a change depends on."""

    trigger: AnyTrigger
    start: datetime | None
    end: datetime | None
    exclude: object
    excluded: str


class _Looking:
    """Works out what the next changes do, each timing once."""

    def __init__(self, since: int, until: int) -> None:
        self._since, self._until = since, until
        self._changes: dict[str, ClockChange | None] = {}
        self._effects: dict[tuple[str, _Timing], ClockEffect | None] = {}

    def change(self, zone: str) -> ClockChange | None:
        """The next one of a zone. Raises SchedulerError for one that is not known here."""
        if zone not in self._changes:
            self._changes[zone] = next_change(zone, self._since, self._until)
        return self._changes[zone]

    def effect(self, spec: Spec, change: ClockChange) -> ClockEffect | None:
        """What a change does to a schedule."""
        key = change.zone, _Timing(spec.trigger, spec.start, spec.end, spec.exclude, spec.excluded)
        if key not in self._effects:
            if len(self._effects) >= _REMEMBERED:
                self._effects.clear()
            self._effects[key] = effect_of(spec, change)
        return self._effects[key]


class _Group:
    """A group that is being counted."""

    __slots__ = ("effect", "ids", "paused", "schedules", "trigger")

    def __init__(self, trigger: AnyTrigger, effect: ClockEffect) -> None:
        self.trigger, self.effect = trigger, effect
        self.ids: list[str] = []
        self.schedules = self.paused = 0

    def add(self, stored: Stored) -> None:
        self.schedules += 1
        self.paused += is_paused(stored)
        if len(self.ids) < MAX_NAMED:
            self.ids.append(stored.id)

    def done(self) -> TouchedGroup:
        return TouchedGroup(self.trigger, self.effect, self.schedules, tuple(self.ids), self.paused)


class _Tally:
    """What one change does, as it is counted."""

    def __init__(self) -> None:
        self.counts = Counter[EffectKind]()
        self.groups: dict[tuple[AnyTrigger, ClockEffect], _Group] = {}
        self.more = 0

    def add(self, stored: Stored, spec: Spec, effect: ClockEffect) -> None:
        self.counts[effect.kind] += 1
        if effect.kind == "shifted":
            return
        key = spec.trigger, effect
        group = self.groups.get(key)
        if group is None and len(self.groups) >= MAX_GROUPS:
            self.more += 1
            return
        if group is None:
            group = self.groups[key] = _Group(spec.trigger, effect)
        group.add(stored)

    def done(self, change: ClockChange) -> ChangeOfClocks:
        groups = sorted((group.done() for group in self.groups.values()), key=_order)
        return ChangeOfClocks(change, tuple(groups), dict(self.counts), self.more)


def read_clock_changes(store: Store, wanted: Filter, zone: str | None, since: int, until: int) -> ClockChanges:
    """The next change of each zone (of that one) after `since` and up to `until` (us), and what it does."""
    looking, tallies = _Looking(since, until), dict[str, _Tally]()
    steady, elapsed, unreadable, schedules = Counter[str](), 0, 0, 0
    for stored in _stored(store, wanted):
        spec = spec_of(stored)
        names = frozenset[str]() if spec is None else spec.trigger.zone_names
        if zone is not None and zone not in names:
            continue
        schedules += 1
        if spec is None:
            unreadable += 1
            continue
        elapsed += not names
        for name in names if zone is None else (zone,):
            try:
                change = looking.change(name)
                effect = None if change is None else looking.effect(spec, change)
            except SchedulerError:  # a rule that asks too much, a zone of another host
                unreadable += 1
                break
            if change is None:
                steady[name] += 1
            elif effect is not None:
                tallies.setdefault(name, _Tally()).add(stored, spec, effect)
    if zone is not None and not schedules and looking.change(zone) is None:
        steady[zone] = 0
    found = {name: change for name in {*tallies, *([zone] if zone else ())} if (change := looking.change(name))}
    changes = sorted((tallies.get(name, _Tally()).done(change) for name, change in found.items()), key=_when)
    return ClockChanges(
        from_us(since), from_us(until), tuple(changes), dict(steady.most_common()), elapsed, unreadable, schedules
    )


def touched_schedules(
    store: Store, wanted: Filter, zone: str | None, since: int, until: int, behind: str | None, upto: str | None
) -> Iterator[TouchedSchedule]:
    """Each schedule that is touched by these changes, by id, behind one id and up to another; one that reads several
    clocks may come for each. Read as they are used."""
    looking = _Looking(since, until)
    if zone is not None and looking.change(zone) is None:
        return
    for stored in _stored(store, wanted, behind):
        if upto is not None and stored.id > upto:
            return
        spec = spec_of(stored)
        if spec is None:
            continue
        try:
            names = sorted(spec.trigger.zone_names if zone is None else spec.trigger.zone_names & {zone})
            changes = [change for name in names if (change := looking.change(name)) is not None]
            effects = [looking.effect(spec, change) for change in changes]
        except SchedulerError:
            continue
        for change, effect in zip(changes, effects, strict=True):
            if effect is not None and effect.kind != "shifted":
                yield TouchedSchedule(stored.id, spec.trigger, is_paused(stored), change, effect)


def _stored(store: Store, wanted: Filter, behind: str | None = None) -> Iterator[Stored]:
    for ids in store.find_schedules(wanted, behind=behind, page=TIMINGS):
        yield from store.read_timings(ids)


def _order(group: TouchedGroup) -> tuple[int, tuple[datetime, ...]]:
    """The largest first, then by the times that they name."""
    return -group.schedules, group.effect.times


def _when(found: ChangeOfClocks) -> tuple[datetime, str]:
    return found.change.at, found.change.zone
