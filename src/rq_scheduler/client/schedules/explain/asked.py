"""Which instant of a schedule somebody means who names a time: on days on which the clocks change too. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from rq_scheduler.client.schedules.explain.evidence import Evidence
from rq_scheduler.client.schedules.explain.times import clock, is_repeated, zone_label
from rq_scheduler.clock import US, from_us, to_us
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.triggers import AnyTrigger

__all__ = ["Asked", "occurrences_of", "resolve", "zone_of_schedule"]

_MINUTE = 60 * US
_NEAR = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Asked:
    """The moment that is explained. is_named: the trigger names it; is_kept: start, end and days off leave it there.
    before, after: the instants nearest to it. clocks: what the clocks did there, as a sentence without its full stop;
    is_skipped: they jumped over the time that was asked about. day: the one that was asked about, where none of its
    instants was found."""

    at: datetime
    is_named: bool
    is_kept: bool
    before: datetime | None
    after: datetime | None
    clocks: str = ""
    is_skipped: bool = False
    day: date | None = None


def zone_of_schedule(spec: Spec | None) -> str | None:
    """The zone whose clock a schedule goes by; None where it reads none, or several."""
    names = frozenset[str]() if spec is None else spec.trigger.zone_names
    return next(iter(names)) if len(names) == 1 else None


def occurrences_of(evidence: Evidence, spec: Spec) -> Occurrences:
    """The instants of the schedule by this spec."""
    return Occurrences(evidence.schedule.id, spec, _anchor(evidence))


def resolve(evidence: Evidence) -> Asked:
    """Which instant is meant.

    A time to the minute means the first instant of that minute, one to the second the first of that second; else a run
    that was due, or handed off, then. A time that the clocks jumped over means the moment of the jump. Of a day, the
    last instant that has passed. Nothing given: the last one that has passed since the schedule was made and that the
    trigger of that time names, days off included, else the first.
    """
    asked = evidence.asked
    if asked is None:
        return _newest(evidence)
    if not isinstance(asked, datetime):
        return _of_day(evidence, asked)
    at, clocks, is_skipped = _as_shown(asked)
    width = 1 if asked.microsecond else US if asked.second else _MINUTE
    spec = evidence.definition_at(at).spec
    if spec is None:
        return _near_line(evidence, at, width) or Asked(at, True, True, None, None, clocks)
    found = _first_in(evidence, spec, to_us(at), width)
    if found is None and is_repeated(asked) and not asked.fold:
        # Named without saying which of the two: the one that there is.
        second = asked.replace(fold=1).astimezone(UTC)
        found = _first_in(evidence, spec, to_us(second), width)
    if found is None and not clocks:
        recorded = _near_line(evidence, at, width)
        if recorded is not None:
            return recorded
    placed = _placed(evidence, spec, at if found is None else from_us(found), clocks)
    return replace(placed, is_skipped=is_skipped)


def _newest(evidence: Evidence) -> Asked:
    now, created = evidence.now, evidence.schedule.created_at
    spec = evidence.definitions[0].spec
    if spec is None:
        at = evidence.runs[0].nominal if evidence.runs else now
        return Asked(at, True, True, None, None)
    before = to_us(now) + 1
    for definition in evidence.definitions:  # an instant is one of the definition that was in force then
        since = max(to_us(each) for each in (definition.since, created, from_us(0)) if each is not None)
        if definition.spec is not None:
            passed = [each.before(before) for each in _instants(evidence, definition.spec)]
            found = max((each for each in passed if each is not None), default=None)
            if found is not None and found >= since:
                return _placed(evidence, definition.spec, from_us(found), "")
        before = min(before, since)
    found = occurrences_of(evidence, spec).after(to_us(now))
    return _placed(evidence, spec, now if found is None else from_us(found), "")


def _instants(evidence: Evidence, spec: Spec) -> tuple[Occurrences, AnyTrigger]:
    """Those of the schedule, and those that its trigger alone names: days off are among them."""
    return occurrences_of(evidence, spec), _trigger(evidence, spec)


def _of_day(evidence: Evidence, day: date) -> Asked:
    spec = evidence.definitions[0].spec
    zone: tzinfo = evidence.reader or UTC
    if (name := zone_of_schedule(spec)) is not None:
        zone = ZoneInfo(name)
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    last = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    spec = evidence.definition_at(first).spec
    if spec is None:
        return Asked(first, True, True, None, None)
    occurrences = occurrences_of(evidence, spec)
    found = occurrences.before(min(to_us(last), to_us(evidence.now) + 1))
    if found is None or found < to_us(first):
        found = occurrences.after(to_us(first) - 1)
    if found is not None and found < to_us(last):
        return _placed(evidence, spec, from_us(found), "")
    # One that the trigger names, and that is a day off.
    named = _trigger(evidence, spec).after(to_us(first) - 1)
    if named is not None and named < to_us(last):
        return _placed(evidence, spec, from_us(named), "")
    noon = first + (last - first) / 2
    return Asked(noon, False, False, *_neighbours(occurrences, to_us(noon)), day=day)


def _placed(evidence: Evidence, spec: Spec, at: datetime, clocks: str) -> Asked:
    us = to_us(at)
    occurrences, trigger = occurrences_of(evidence, spec), _trigger(evidence, spec)
    is_kept = occurrences.after(us - 1) == us
    return Asked(at, is_kept or trigger.after(us - 1) == us, is_kept, *_neighbours(occurrences, us), clocks)


def _first_in(evidence: Evidence, spec: Spec, us: int, width: int) -> int | None:
    """The first instant of the stretch that begins there; else the first that the trigger alone names."""
    for instants in _instants(evidence, spec):
        found = instants.after(us - 1)
        if found is not None and found < us + width:
            return found
    return None


def _near_line(evidence: Evidence, at: datetime, width: int) -> Asked | None:
    """The run that is meant by when it was due, or handed off."""
    end = at + timedelta(microseconds=width)
    for run in evidence.runs:
        if run.outcome in {"manual", "backfill"}:
            continue
        if any(at <= each < end for each in (run.nominal, run.due, run.handed_off_at)):
            spec = evidence.definition_at(run.nominal).spec
            if spec is None:
                return Asked(run.nominal, True, True, None, None)
            return _placed(evidence, spec, run.nominal, "")
    return None


def _neighbours(occurrences: Occurrences, us: int) -> tuple[datetime | None, datetime | None]:
    before, after = occurrences.before(us), occurrences.after(us)
    return None if before is None else from_us(before), None if after is None else from_us(after)


def _trigger(evidence: Evidence, spec: Spec) -> AnyTrigger:
    anchor = _anchor(evidence)
    return spec.trigger if anchor is None else spec.trigger.anchored(anchor)


def _anchor(evidence: Evidence) -> int | None:
    """What an interval of the 0.14 API counts from: the instant that is armed, or the last one that was."""
    schedule = evidence.schedule
    if schedule.kind != "job":
        return None
    if schedule.next_run_at is not None:
        return to_us(schedule.next_run_at)
    return to_us(evidence.runs[0].nominal) if evidence.runs else to_us(evidence.now)


def _as_shown(asked: datetime) -> tuple[datetime, str, bool]:
    """The moment, and what the clocks did there: one that they jumped over is the moment of the jump."""
    at = asked.astimezone(UTC)
    wall, zone = asked.replace(tzinfo=None), asked.tzinfo or UTC
    if at.astimezone(zone).replace(tzinfo=None) != wall:
        jump = _jump(zone, at)
        before, after = (clock(each) for each in clocks_at(zone, jump))
        there = f"there was no {clock(wall)} in {zone_label(zone)} on {wall:%a} {wall.day} {wall:%b}"
        return jump, f"{there}, when the clocks went from {before} to {after}", True
    if is_repeated(asked):
        day = f"{wall:%a} {wall.day} {wall:%b}"
        return at, f"{clock(wall)} came twice in {zone_label(zone)} on {day}, as the clocks went back", False
    return at, "", False


def clocks_at(zone: tzinfo, at: datetime) -> tuple[datetime, datetime]:
    """What the clocks of a zone showed just before a moment, had they gone on, and at it; naive."""
    offset = (at - timedelta(microseconds=1)).astimezone(zone).utcoffset() or timedelta()
    return (at + offset).replace(tzinfo=None), at.astimezone(zone).replace(tzinfo=None)


def _jump(zone: tzinfo, at: datetime) -> datetime:
    """The moment near to this one at which the clocks of the zone jump forward."""
    lo, hi = at - _NEAR, at + _NEAR
    before = lo.astimezone(zone).utcoffset()
    while hi - lo > timedelta(seconds=1):
        middle = lo + (hi - lo) / 2
        if middle.astimezone(zone).utcoffset() == before:
            lo = middle
        else:
            hi = middle
    return hi.replace(microsecond=0)
