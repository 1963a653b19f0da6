"""What `import` found in another scheduler, as text and as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from rq_scheduler import serialization
from rq_scheduler.client.importing import Difference, Found, Written
from rq_scheduler.client.schedules.export import table_of
from rq_scheduler.errors import SchedulerError
from rq_scheduler.humanize import counted, moment, trigger_words
from rq_scheduler.model import Schedule
from rq_scheduler.views.clock_changes import change_words
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Column, Paragraph, Part, Table, Typed, as_it_is

__all__ = ["Report", "difference_words", "render", "serialize"]

_SHOWN = 3
_INDENT = 4
_SAME = "same"


@dataclass(frozen=True, slots=True)
class Report:
    """One import. remarks: what is said of the source as a whole."""

    source: str
    found: Sequence[Found]
    written: Written
    remarks: Sequence[str]
    tag: str
    dry_run: bool

    @property
    def whole(self) -> bool:
        """Whether nothing is left behind."""
        return all(one.whole for one in self.found) and not self.written.left


def render(report: Report, typed: Typed = as_it_is) -> Iterator[Part]:
    """Each entry, then the whole, and what comes next."""
    for one in report.found:
        yield from _entry(one, report)
        yield ""
    for remark in report.remarks:
        yield Paragraph(f"Note: {remark}.", hanging=_INDENT)
    yield from _unmapped(report.found)
    yield Paragraph(f"{_counts(report.found)}.", "bold")
    yield from _next(report, typed)


def difference_words(one: Difference, zone: tzinfo) -> str:
    """`Europe/Paris, Sun 28 Mar 2027: the clock jumps from 02:00 to 03:00: theirs run at ..., ours at ...`."""
    when = "" if one.change is None else f"{change_words(one.change)}; "
    day = None if one.change is None else one.change.local_after.date()
    theirs, ours = (_moments(each, zone, day) for each in (one.only_theirs, one.only_ours))
    if theirs and ours:
        return f"{when}theirs run at {theirs}, ours at {ours}"
    return f"{when}only {f'theirs run at {theirs}' if theirs else f'ours run at {ours}'}"


def serialize(report: Report) -> dict[str, Any]:
    """The JSON."""
    return {
        "source": report.source,
        "dry_run": report.dry_run,
        "tag": report.tag,
        "whole": report.whole,
        "put": list(report.written.put),
        "remarks": list(report.remarks),
        "entries": [_serialized(one, report) for one in report.found],
    }


# Text


def _entry(one: Found, report: Report) -> Iterator[Part]:
    state, style = _state(one, report)
    yield Paragraph(f"{one.name}: {state}", style, hanging=_INDENT)
    if one.when or one.task:
        yield Paragraph(f"  theirs  {' -> '.join(filter(None, (one.when, one.task)))}", hanging=10)
    if one.schedule is not None:
        yield Paragraph(f"  ours    {trigger_words(one.schedule.trigger)} -> {_call(one.schedule)}", hanging=10)
    if one.theirs is not None or one.ours is not None:
        yield from _instants(one)
    for text in one.lost:
        yield Paragraph(f"  left behind: {text}", "yellow", hanging=_INDENT)
    for difference in one.differences:
        yield Paragraph(f"  differs: {difference_words(difference, _zone(one))}", "yellow", hanging=_INDENT)
    for text in one.notes:
        yield Paragraph(f"  note: {text}", "dim", hanging=_INDENT)


def _state(one: Found, report: Report) -> tuple[str, str]:
    if one.schedule is None:
        return f"not carried over: {one.refused}", "red"
    if why := report.written.left.get(one.schedule.id):
        return f"not put as {one.schedule.id}: {why}", "red"
    verb = "would be put" if report.dry_run else "put"
    there = "" if one.enabled else " (it is disabled there)"
    return f"{verb} as {one.schedule.id}, paused{there}", "bold"


def _call(schedule: Schedule) -> str:
    func: Any = schedule.func
    name = func if isinstance(func, str) else f"{func.__module__}.{func.__qualname__}"
    given = [repr(each) for each in schedule.args or ()]
    given += [f"{key}={value!r}" for key, value in (schedule.kwargs or {}).items()]
    text = ", ".join(given)
    queue = f", queue {schedule.queue_name}" if schedule.queue_name else ""
    return f"{name}({text if len(text) <= 200 else f'{text[:197]}...'}){queue}"


def _instants(one: Found) -> Iterator[Part]:
    zone = _zone(one)
    theirs, ours = (None if each is None else [moment(at, zone) for at in each] for each in (one.theirs, one.ours))
    if not theirs and not ours:
        if one.schedule is not None:
            yield "  no further instant, there or here"
        return
    if one.schedule is None:
        yield Table((Column(" "), Column("THEIRS")), [["", at] for at in theirs or ()])
        return
    rows: list[list[str]] = []
    for index in range(max(len(theirs or ()), len(ours or ()))):
        mine = _at(ours, index)
        rows.append(["", _at(theirs, index), _SAME if mine == _at(theirs, index) else mine])
    yield Table((Column(" "), Column("THEIRS"), Column("OURS")), rows)


def _at(moments: list[str] | None, index: int) -> str:
    return "-" if moments is None or index >= len(moments) else moments[index]


def _zone(one: Found) -> tzinfo:
    return ZoneInfo(one.zone) if one.zone not in (None, "UTC") else UTC


def _moments(moments: Sequence[datetime], zone: tzinfo, day: date | None) -> str:
    """With the date only where it is not that day."""
    local = [(at.astimezone(zone).date(), moment(at, zone)) for at in moments[:_SHOWN]]
    shown = ", ".join(text.partition(" ")[2] if date == day else text for date, text in local)
    more = len(moments) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _unmapped(found: Sequence[Found]) -> Iterator[Part]:
    """The part of a mapping file that is missing, to be filled in."""
    commands = list(dict.fromkeys(one.task for one in found if one.unmapped))
    if not commands:
        return
    yield Paragraph("For the commands that have no function, in a file that --map names:")
    yield ""
    for command in commands:
        yield "    [[commands]]"
        yield f"    command = {json.dumps(command, ensure_ascii=False)}"
        yield '    func = "package.module.function"'
        yield ""


def _counts(found: Sequence[Found]) -> str:
    whole = sum(one.whole for one in found)
    part = sum(one.schedule is not None for one in found) - whole
    left = len(found) - whole - part
    differing = sum(bool(one.differences) for one in found)
    texts = [f"{whole:,} carried over whole"]
    texts += [f"{part:,} in part"] if part else []
    texts += [f"{left:,} not"] if left else []
    texts += [f"{differing:,} with other instants at times"] if differing else []
    return f"{counted(len(found), 'entry', 'entries')}: {', '.join(texts)}"


def _next(report: Report, typed: Typed) -> Iterator[Part]:
    if report.dry_run:
        yield Paragraph("Dry run: nothing was written. With --write they are put, paused, and run only when resumed.")
        return
    put = len(report.written.put)
    yield Paragraph(f"{counted(put, 'schedule was', 'schedules were')} put, paused.")
    if not put:
        return
    yield Paragraph("Once the other scheduler is stopped, or each runs twice:")
    yield f"    {typed(f'rqscheduler resume --tag {report.tag} --all-pauses')}"
    if any(not one.enabled and one.schedule is not None for one in report.found):
        yield Paragraph(f"Those that are disabled there have the tag {report.tag}-disabled.")
    yield Paragraph("To take it all back:")
    yield f"    {typed(f'rqscheduler delete --tag {report.tag}')}"


# JSON


def _serialized(one: Found, report: Report) -> dict[str, Any]:
    schedule = one.schedule
    return {
        "name": one.name,
        "when": one.when,
        "task": one.task,
        "enabled": one.enabled,
        "id": schedule and schedule.id,
        "func": schedule and _call(schedule).partition("(")[0],
        "trigger": schedule and serialization.to_builtins(schedule.trigger),
        "definition": schedule and _definition(schedule),
        "refused": one.refused or (schedule and report.written.left.get(schedule.id)) or None,
        "left_behind": list(one.lost),
        "notes": list(one.notes),
        "theirs": _iso(one.theirs),
        "ours": _iso(one.ours),
        "differences": [
            {
                "change": each.change and change_words(each.change),
                "only_theirs": _iso(each.only_theirs),
                "only_ours": _iso(each.only_ours),
            }
            for each in one.differences
        ],
    }


def _definition(schedule: Schedule) -> dict[str, Any] | None:
    """As a file that `sync` reads has it; None for what no file can hold."""
    try:
        return table_of(schedule)
    except SchedulerError:
        return None


def _iso(moments: Sequence[datetime] | None) -> list[str | None] | None:
    return None if moments is None else [iso(at) for at in moments]
