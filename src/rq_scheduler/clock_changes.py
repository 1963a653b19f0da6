"""Changes of a zone's clock, and what each does to the instants of a schedule. Pure.

What happens is read off the instants themselves, as `occurrences` has them, and off the local times that the trigger
names, which are its instants in a zone whose clock never changes. No rule for changes of the clock stands here. Knows
no clock, no Redis and no RQ; times are integer microseconds since the epoch unless a name says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

from msgspec.structs import replace

from rq_scheduler.aliases import Excluded
from rq_scheduler.clock import US, from_us, timedelta_us, to_us
from rq_scheduler.occurrences import Occurrences, Timing
from rq_scheduler.serialization import Duration
from rq_scheduler.triggers import AnyExclusion, AnyOf, AnyTrigger
from rq_scheduler.triggers.zones import zone

__all__ = ["MOST_COUNTED", "ClockChange", "ClockEffect", "EffectKind", "effect_of", "next_change"]

EffectKind = Literal["moved", "merged", "skipped", "first", "second", "twice", "mixed", "shifted"]
"""What becomes of the local times that a schedule names in a change of the clock.

Of times that the clock jumps over: "moved", they run once, right after the jump; "merged", they have no run of their
own, since the moment after the jump is named as well and runs as ever; "skipped", they have no run. Of times that it
shows twice: "first" or "second", each runs the first or the second time only; "twice", each runs both times; "mixed",
some run once and some twice. "shifted": it names none of these times, so that it runs at the same local times as ever,
which is at other times of UTC from then on."""

MOST_COUNTED = 1_000
"""So many times, and instants, of one change are counted; beyond, the count is a lower bound."""

_SHOWN = 4


@dataclass(frozen=True, slots=True, order=True)
class ClockChange:
    """At the moment `at` (aware UTC) the clock of the zone changes its offset from UTC, for whatever reason: summer
    time, or a country that moves to another offset."""

    at: datetime
    zone: str
    before: timedelta
    after: timedelta

    @property
    def forward(self) -> bool:
        """Whether the clock jumps over times; otherwise it shows some twice."""
        return self.after > self.before

    @property
    def by(self) -> timedelta:
        """How much of them."""
        return abs(self.after - self.before)

    @property
    def local_before(self) -> datetime:
        """What the clock would have shown at that moment, naive."""
        return self.at.replace(tzinfo=None) + self.before

    @property
    def local_after(self) -> datetime:
        """What it shows instead, naive."""
        return self.at.replace(tzinfo=None) + self.after


@dataclass(frozen=True, slots=True)
class ClockEffect:
    """What a change does to a schedule. `named`: how many local times it names that are jumped over or shown twice,
    `times` the first few (naive); `runs`: how many runs there are for them, `instants` the first few (aware UTC). Both
    counts are at least that, if `at_least`. `following`: the first run at or after the change."""

    kind: EffectKind
    named: int = 0
    times: tuple[datetime, ...] = ()
    runs: int = 0
    instants: tuple[datetime, ...] = ()
    following: datetime | None = None
    at_least: bool = False


def next_change(name: str, after: int, until: int) -> ClockChange | None:
    """The first change of that zone's offset after `after` and no later than `until`; None where there is none."""
    line = zone(name)
    stretch = line.at(after // US)
    while stretch.hi * US <= until:
        following = line.at(stretch.hi)
        if following.offset != stretch.offset:
            before, later = (timedelta(seconds=each.offset) for each in (stretch, following))
            return ClockChange(from_us(stretch.hi * US), name, before, later)
        stretch = following
    return None


def effect_of(timing: Timing, change: ClockChange) -> ClockEffect | None:
    """What the change does to a schedule; None where no part of its trigger reads the clock of that zone.

    `max_runs`, pauses and jitter are not looked at: these are the runs that it names.
    """
    trigger = _part_in(timing.trigger, change.zone)
    if trigger is None:
        return None
    real = Occurrences("", _Times(trigger, timing.start, timing.end, timing.exclude, timing.excluded))
    at = to_us(change.at)
    following = real.after(at - 1)
    seen = None if following is None else from_us(following)
    found = _jumped_over(timing, trigger, real, change) if change.forward else _shown_twice(real, change)
    return dataclasses.replace(found, following=seen)


def _jumped_over(timing: Timing, trigger: AnyTrigger, real: Occurrences, change: ClockChange) -> ClockEffect:
    at, before, after = to_us(change.at), timedelta_us(change.before), timedelta_us(change.after)
    lo, hi = at + before, at + after
    runs_at_jump = real.after(at - 1) == at
    days_off = _local_days_off(timing, change.zone)
    local = _local(trigger, days_off, timing.excluded)
    walls = _within(local, lo, hi)
    if not walls and runs_at_jump:
        # A day off that the clock jumps over is no day: what was named on it runs on the next one.
        walls = _within(_local(trigger, (), "skip"), lo, hi)
    if not walls:
        return ClockEffect("shifted")
    if runs_at_jump:
        merged = local.after(hi - 1) == hi
        return _effect("merged" if merged else "moved", walls, () if merged else (at,))
    is_day_off = len(days_off) < len(timing.exclude) and trigger.after(at - 1) == at
    if is_day_off or not _in_force(timing, at):
        return ClockEffect("shifted")
    return _effect("skipped", walls, ())


def _shown_twice(real: Occurrences, change: ClockChange) -> ClockEffect:
    at, before, after = to_us(change.at), timedelta_us(change.before), timedelta_us(change.after)
    length = before - after
    firsts, seconds = _within(real, at - length, at), _within(real, at, at + length)
    first, second = {us + before for us in firsts}, {us + after for us in seconds}
    walls = sorted(first | second)
    if not walls:
        return ClockEffect("shifted")
    kind: EffectKind = "mixed"
    if first == second:
        kind = "twice"
    elif not second:
        kind = "first"
    elif not first:
        kind = "second"
    return _effect(kind, walls, (*firsts, *seconds), max(len(firsts), len(seconds)) >= MOST_COUNTED)


def _effect(kind: EffectKind, walls: Sequence[int], runs: Sequence[int], at_least: bool = False) -> ClockEffect:
    return ClockEffect(
        kind,
        len(walls),
        tuple(from_us(wall).replace(tzinfo=None) for wall in walls[:_SHOWN]),
        len(runs),
        tuple(map(from_us, runs[:_SHOWN])),
        None,
        at_least or len(walls) >= MOST_COUNTED,
    )


@dataclass(frozen=True, slots=True)
class _Times:
    """The nominal times of a schedule, without jitter, which moves no nominal time."""

    trigger: AnyTrigger
    start: datetime | None = None
    end: datetime | None = None
    exclude: tuple[AnyExclusion, ...] = ()
    excluded: Excluded = "skip"
    jitter: Duration | None = None


def _part_in(trigger: AnyTrigger, name: str) -> AnyTrigger | None:
    """The part of a trigger that reads the clock of this zone."""
    if not isinstance(trigger, AnyOf):
        return trigger if name in trigger.zone_names else None
    parts = [part for part in trigger.triggers if name in part.zone_names]
    return None if not parts else parts[0] if len(parts) == 1 else AnyOf(*parts)


def _local_days_off(timing: Timing, name: str) -> tuple[AnyExclusion, ...]:
    """The exclusions that count the days of this zone, for a clock that never changes. (A day of another zone is none
    of that clock.)"""
    return tuple(replace(one, timezone="UTC") for one in timing.exclude if one.timezone in (None, name))


def _local(trigger: AnyTrigger, days_off: tuple[AnyExclusion, ...], excluded: Excluded) -> Occurrences:
    """The local times that it names, each as if it were UTC."""
    return Occurrences("", _Times(trigger.in_zone("UTC"), exclude=days_off, excluded=excluded))


def _within(occurrences: Occurrences, lo: int, hi: int) -> list[int]:
    """Those in [lo, hi), as many as are counted."""
    return list(islice(_walk(occurrences, lo, hi), MOST_COUNTED))


def _walk(occurrences: Occurrences, lo: int, hi: int) -> Iterator[int]:
    at = occurrences.after(lo - 1)
    while at is not None and at < hi:
        yield at
        at = occurrences.after(at)


def _in_force(timing: Timing, at: int) -> bool:
    """Whether it has begun by then, and not ended."""
    begun = timing.start is None or to_us(timing.start) <= at
    return begun and (timing.end is None or at < to_us(timing.end))
