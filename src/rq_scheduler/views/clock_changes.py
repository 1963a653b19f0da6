"""Changes of the clock, and what they do to schedules, as sentences, as tables and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, get_args

from rq_scheduler import serialization
from rq_scheduler.client.schedules import ChangeOfClocks, ClockChanges, TouchedGroup, TouchedSchedule
from rq_scheduler.clock_changes import ClockChange, ClockEffect, EffectKind
from rq_scheduler.humanize import counted, distance, length, moment, trigger_words
from rq_scheduler.views.pages import Page
from rq_scheduler.views.serializers import iso, seconds
from rq_scheduler.views.table import Column, Paragraph, Part, Table, Typed, as_it_is

__all__ = [
    "change_words",
    "effect_words",
    "moment_words",
    "render",
    "render_each",
    "rule_words",
    "serialize",
    "serialize_each",
    "shifted_words",
    "touched",
    "untouched_words",
]

_SHOWN_GROUPS = 8
_SHOWN_ZONES = 8


def change_words(change: ClockChange) -> str:
    """`Europe/Paris, Sun 28 Mar 2027: the clock jumps from 02:00 to 03:00`."""
    verb = "jumps" if change.forward else "is put back"
    before, after = change.local_before, change.local_after
    if before.date() != after.date():
        first, then = (f"{_clock(at)} on {_day(at)}" for at in (before, after))
        return f"{change.zone}: the clock {verb} from {first} to {then}"
    return f"{change.zone}, {_day(after)}: the clock {verb} from {_clock(before)} to {_clock(after)}"


def effect_words(effect: ClockEffect, change: ClockChange) -> str:
    """What becomes of the times that a schedule names: `02:30 does not exist that day: one run, at 03:00`."""
    if effect.kind == "shifted":
        way = "earlier" if change.forward else "later"
        return f"the same local times as ever, in UTC {length(change.by)} {way} from then on"
    times, one = _times(effect, change), effect.named == 1 and not effect.at_least
    after = _clock(change.local_after)
    if change.forward:
        absent = f"{times} {'does' if one else 'do'} not exist that day"
        if effect.kind == "moved":
            return f"{absent}: one run{'' if one else ' for them'}, at {after}, right after the jump"
        if effect.kind == "merged":
            return f"{absent}: no run of {'its' if one else 'their'} own; {after} runs as ever"
        return f"{absent}: no run{_following(effect, change)}"
    again = f"{times} {'comes' if one else 'come'} twice"
    runs = f"{'at least ' if effect.at_least else ''}{counted(effect.runs, 'run', 'runs')}"
    if effect.kind in ("first", "second"):
        offset = change.before if effect.kind == "first" else change.after
        which = f"the {effect.kind} time ({_offset(offset)})"
        return f"{again}: one run, {which}" if one else f"{again}: one run each, {which}"
    if effect.kind == "twice":
        return f"{again}: a run each time" if one else f"{again}: a run each time, {runs} in all"
    return f"{again}: some run once, some twice; {runs} in all"


def render(found: ClockChanges, zone: tzinfo, typed: Typed = as_it_is) -> Iterator[Part]:
    """Each change with the schedules that it touches, and those that none touches. Moments are shown in `zone`."""
    cut = False
    for one in found.changes:
        change = one.change
        yield Paragraph(f"{change_words(change)}.", "bold")
        yield Paragraph(f"{moment_words(change, found.since, zone)}.")
        if one.groups:
            for group in one.groups[:_SHOWN_GROUPS]:
                yield Paragraph(f"  {_group(group, change)}", hanging=4)
                yield Paragraph(f"    {_ids(group)}", "dim", hanging=4)
            rest = one.groups[_SHOWN_GROUPS:]
            left = sum(group.schedules for group in rest) + one.more
            if left:
                cut = True
                yield f"  and {counted(left, 'schedule', 'schedules')} more", "dim"
        yield Paragraph(shifted_words(one), "dim")
        yield ""
    for words, wrong in untouched_words(found):
        yield Paragraph(words, "yellow" if wrong else "")
    if cut:
        yield ""
        yield "Each of them, by id:"
        yield f"    {typed('rqscheduler dst --each')}"


def moment_words(change: ClockChange, now: datetime, zone: tzinfo) -> str:
    """When it is, and what becomes of the offset: `At 2027-03-28 01:00:00Z (in 3d 2h): +01:00 becomes +02:00`."""
    offsets = f"{_offset(change.before)} becomes {_offset(change.after)}"
    return f"At {moment(change.at, zone)} ({distance(change.at, now)}): {offsets}"


def rule_words(group: TouchedGroup, change: ClockChange) -> str:
    """The trigger of a group, without the zone that is named above it."""
    return trigger_words(group.trigger).replace(f" ({change.zone})", "")


def _group(group: TouchedGroup, change: ClockChange) -> str:
    return f"{rule_words(group, change)}: {effect_words(group.effect, change)}."


def _ids(group: TouchedGroup) -> str:
    more = group.schedules - len(group.ids)
    paused = f" ({group.paused:,} paused)" if group.paused else ""
    return f"{', '.join(group.ids)}{f' and {more:,} more' if more else ''}{paused}"


def shifted_words(one: ChangeOfClocks) -> str:
    """How many others read that clock, and what it is to them; empty where none do."""
    if not one.shifted:
        return "" if one.touched else "No schedule reads this clock."
    who = counted(
        one.shifted, "more schedule" if one.touched else "schedule", "more schedules" if one.touched else "schedules"
    )
    verbs, their = (("reads", "names"), "its") if one.shifted == 1 else (("read", "name"), "their")
    way = "earlier" if one.change.forward else "later"
    return (
        f"{who} {verbs[0]} this clock and {verbs[1]} no such time: {their} local times stay, "
        f"{length(one.change.by)} {way} in UTC."
    )


def untouched_words(found: ClockChanges) -> Iterator[tuple[str, bool]]:
    """Of the schedules that no change touches, in sentences; whether one tells of a fault."""
    until = f"until {found.until:%Y-%m-%d}"
    if found.steady:
        named = [f"{name} ({count:,})" for name, count in found.steady.items()]
        more = len(named) - _SHOWN_ZONES
        tail = f" and {counted(more, 'other zone', 'other zones')}" if more > 0 else ""
        shown = ", ".join(named[:_SHOWN_ZONES])
        yield f"No change {until}, and how many schedules read that clock: {shown}{tail}.", False
    if found.elapsed:
        who, runs = counted(found.elapsed, "schedule reads", "schedules read"), "runs" if found.elapsed == 1 else "run"
        words = (
            f"{who} no clock (intervals, single moments) and {runs} on in UTC: no run is added or left out, and clocks "
            "show another time for it afterwards."
        )
        yield words, False
    if found.unreadable:
        who, them = counted(found.unreadable, "schedule", "schedules"), "it" if found.unreadable == 1 else "them"
        yield f"{who} cannot be told: a newer version wrote {them}, or the trigger cannot be worked out here.", True
    if not found.schedules and not found.changes:
        yield "There are no such schedules.", False


def render_each(page: Page[TouchedSchedule]) -> Iterator[Part]:
    """Each schedule that is touched, in a table whose rows are read as they are shown."""
    yield Table(
        [Column("ID"), Column("TRIGGER", cut=True), Column("CHANGE"), Column("WHAT HAPPENS", cut=True)],
        _rows(page),
    )
    if page.more:
        yield "There are more: --limit shows more at once, --behind ID those that follow.", "dim"


def _rows(found: Iterable[TouchedSchedule]) -> Iterator[Sequence[str]]:
    for one in found:
        paused = " (paused)" if one.paused else ""
        words = effect_words(one.effect, one.change)
        yield f"{one.id}{paused}", trigger_words(one.trigger), _day(one.change.local_after), words


def serialize(found: ClockChanges, most: int | None = None) -> dict[str, Any]:
    """The JSON; at most so many groups of each change, `more` counting the schedules of the others."""
    return {
        "since": iso(found.since),
        "until": iso(found.until),
        "changes": [_change(one, most) for one in found.changes],
        "steady": [{"timezone": name, "schedules": count} for name, count in found.steady.items()],
        "elapsed": found.elapsed,
        "unreadable": found.unreadable,
        "schedules": found.schedules,
    }


def _change(one: ChangeOfClocks, most: int | None) -> dict[str, Any]:
    kinds: tuple[EffectKind, ...] = get_args(EffectKind)
    shown = one.groups if most is None else one.groups[:most]
    return {
        **_moment(one.change),
        "sentence": change_words(one.change),
        "touched": one.touched,
        "counts": {kind: one.counts.get(kind, 0) for kind in kinds},
        "groups": [
            {
                "trigger": serialization.to_builtins(group.trigger),
                **_effect(group.effect, one.change),
                "schedules": group.schedules,
                "paused": group.paused,
                "ids": list(group.ids),
            }
            for group in shown
        ],
        "more": one.more + sum(group.schedules for group in one.groups[len(shown) :]),
    }


def touched(one: TouchedSchedule) -> dict[str, Any]:
    """A schedule that is touched, as JSON."""
    return {
        "schedule_id": one.id,
        "trigger": serialization.to_builtins(one.trigger),
        "paused": one.paused,
        "change": _moment(one.change),
        **_effect(one.effect, one.change),
    }


def serialize_each(page: Page[TouchedSchedule]) -> Iterator[tuple[str, Any]]:
    """A page of those, which are read as they are written."""
    yield "schedules", map(touched, page)
    yield "more", page.more


def _moment(change: ClockChange) -> dict[str, Any]:
    return {
        "timezone": change.zone,
        "at": iso(change.at),
        "offset_before_seconds": seconds(change.before),
        "offset_after_seconds": seconds(change.after),
        "local_before": change.local_before.isoformat(),
        "local_after": change.local_after.isoformat(),
    }


def _effect(effect: ClockEffect, change: ClockChange) -> dict[str, Any]:
    return {
        "effect": effect.kind,
        "says": effect_words(effect, change),
        "named": effect.named,
        "times": [at.isoformat() for at in effect.times],
        "runs": effect.runs,
        "instants": [iso(at) for at in effect.instants],
        "following": iso(effect.following),
        "at_least": effect.at_least,
    }


def _times(effect: ClockEffect, change: ClockChange) -> str:
    """`02:30`, `02:00 and 02:30`, `02:00, 02:15 and 1,000 others`; with the day where that is another than the one
    after the change."""
    shown = [_time(at, change) for at in effect.times]
    more = effect.named - len(shown)
    if more <= 0 and not effect.at_least:
        return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    least = "at least " if effect.at_least else ""
    return f"{', '.join(shown[:2])} and {least}{more + len(shown) - 2:,} more times"


def _time(at: datetime, change: ClockChange) -> str:
    return _clock(at) if at.date() == change.local_after.date() else f"{_clock(at)} on {_day(at)}"


def _following(effect: ClockEffect, change: ClockChange) -> str:
    if effect.following is None:
        return ""
    local = effect.following.replace(tzinfo=None) + change.after
    return f"; the next is at {_time(local, change)}" if local - change.local_after < timedelta(days=8) else ""


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _day(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %Y}"


def _offset(offset: timedelta) -> str:
    """`+02:00`, `-03:30`."""
    minutes, rest = divmod(int(abs(offset).total_seconds()), 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}{f':{rest:02}' if rest else ''}"
    return f"{'-' if offset < timedelta() else '+'}{text}"
