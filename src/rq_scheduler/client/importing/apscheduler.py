"""APScheduler 3's jobs, out of the pickles of its stores, of which nothing is made. Pure: bytes in, drafts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from rq_scheduler.client.importing.aps_fields import FIELDS, ApsCron, Last, Nth, Part, Span, Star
from rq_scheduler.client.importing.draft import Draft, Instants, NotCarried, between, drafted
from rq_scheduler.client.importing.foreign import MOST_BYTES, plain_arguments, text_of
from rq_scheduler.client.importing.pickled import length_of, moment_of, zone_of
from rq_scheduler.clock import US, from_us, to_us
from rq_scheduler.humanize import length, moment
from rq_scheduler.pickles import Recorded, recorded
from rq_scheduler.triggers import AnyOf, AnyTrigger, At, Every
from rq_scheduler.triggers.zone_names import zone_name

__all__ = ["SHORT_GRACE", "aps_job", "has_short_grace"]

_NO_STATE = "its pickle holds no job of APScheduler 3"
_LATE = 10
"""Seconds by which a run of ours may be late without being missed."""

SHORT_GRACE = f"a misfire_grace_time below {_LATE} s counts as {_LATE} s here: a run that is no later than that runs"


def has_short_grace(draft: Draft) -> bool:
    """Whether SHORT_GRACE is about this job."""
    return draft.options.get("catchup_window", _LATE) < _LATE


def aps_job(id: str, stored: bytes | None, now: int) -> Draft:
    """The job that a store has under this id. `stored` is None where it was too large to be read."""
    return drafted(id, lambda draft: _fill(draft, stored, now))


def _fill(draft: Draft, stored: bytes | None, now: int) -> None:
    if stored is None:
        raise NotCarried(f"it is larger than {MOST_BYTES:,} bytes, and was not read")
    try:
        state: Any = recorded(stored)
    except Exception as error:
        raise NotCarried(f"it is no pickle that can be read: {str(error)[:80]}") from error
    job = cast("dict[str, Any]", state) if isinstance(state, dict) else {}
    if not isinstance(job.get("trigger"), Recorded):
        raise NotCarried(_NO_STATE)
    draft.task = text_of(job.get("func"), "function").replace(":", ".", 1)
    next_run = moment_of(job.get("next_run_time"))
    draft.enabled = next_run is not None
    found = _trigger(job["trigger"].name, job["trigger"].state, next_run)
    draft.when = found.words
    draft.instants, draft.zone = found.instants, found.zone
    _options(draft, job)
    _times(draft, found, next_run, now)
    args, kwargs = plain_arguments(job.get("args"), job.get("kwargs"))
    draft.options.update(args=args, kwargs=kwargs)
    if found.refused:
        raise NotCarried(found.refused)
    if isinstance(found.trigger, At) and to_us(found.trigger.moment) <= now:
        raise NotCarried(f"it was to run once, at {moment(found.trigger.moment)}, which has passed")
    draft.trigger = found.trigger


def _options(draft: Draft, job: dict[str, Any]) -> None:
    """How APScheduler deals with late and overlapping runs, in ours."""
    most, grace = job.get("max_instances", 1), job.get("misfire_grace_time")
    draft.options["overlap"] = "skip" if most == 1 else "allow"
    if most != 1:
        draft.lost.append(f"max_instances={most}: runs may overlap (overlap='allow'), and nothing counts how many")
    draft.options["catchup"] = "latest" if job.get("coalesce", True) else "all"
    if isinstance(grace, int):
        draft.options["catchup_window"] = grace
    if job.get("executor", "default") != "default":
        draft.lost.append(f"executor={job['executor']!r}: workers of a queue run it; name one with --queue")
    name = job.get("name")
    if isinstance(name, str) and name and name != draft.task.rpartition(".")[2]:
        draft.options["description"] = name[:500]


def _times(draft: Draft, found: _Trigger, next_run: datetime | None, now: int) -> None:
    if found.start is not None and to_us(found.start) > now:
        draft.options["start"] = found.start
    first = None if found.instants is None else between(found.instants, found.start, None)(now)
    if next_run is not None and first is not None and to_us(next_run) > first + (found.jitter or 0) * US:
        draft.options["start"] = from_us(to_us(next_run))
        draft.notes.append(f"its next run was put off there, to {moment(next_run)}; ours begin then")
    if found.end is not None:
        draft.options["end"] = found.end + timedelta(microseconds=1)  # theirs belongs to it
    if found.jitter:
        draft.options["jitter"] = found.jitter
        if isinstance(found.trigger, Every):
            draft.notes.append("with its jitter APScheduler's interval drifts; ours does not")


@dataclass(slots=True)
class _Trigger:
    """A trigger of theirs: in words, as one of ours (or why there is none), and its instants."""

    words: str
    trigger: AnyTrigger | None = None
    refused: str = ""
    instants: Instants | None = None
    zone: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    jitter: float | None = None


def _trigger(kind: str, state: Any, next_run: datetime | None) -> _Trigger:
    """Of a class, as pickles or combined triggers name it, and its state."""
    name = kind.replace(":", ".").rpartition(".")[2]
    if not kind.startswith("apscheduler.triggers.") or not isinstance(state, dict):
        return _Trigger(str(kind)[:60], refused=f"its trigger is {kind[:60]}, which is none of APScheduler's own")
    of = cast("dict[str, Any]", state)
    if name == "CronTrigger":
        return _cron(of)
    if name == "IntervalTrigger":
        return _interval(of, next_run)
    if name == "DateTrigger":
        at = _needed(moment_of(of.get("run_date")))
        return _Trigger(f"date[{moment(at)}]", At(at), instants=At(at).after)
    if name in ("OrTrigger", "AndTrigger"):
        return _combined(name, of)
    return _Trigger(name, refused=f"{name} has no counterpart here; an RRule may say it")


def _cron(state: dict[str, Any]) -> _Trigger:
    zone = zone_of(state.get("timezone"))
    name = zone_name(zone)
    fields: dict[str, Sequence[Part]] = {}
    for one in state.get("fields") or ():
        fields[one.state["name"]] = [_part(part) for part in one.state["expressions"]]
    if set(fields) != set(FIELDS):
        raise NotCarried(_NO_STATE)
    cron = ApsCron(fields, zone, name)
    start, end = moment_of(state.get("start_date")), moment_of(state.get("end_date"))
    found = _Trigger(
        f"{cron.words}{'' if name == 'UTC' else f' in {name}'}",
        instants=cron.after,
        zone=name,
        start=start,
        end=end,
        jitter=state.get("jitter"),
    )
    try:
        found.trigger = cron.trigger
    except NotCarried as why:
        found.refused = str(why)
    return found


def _part(expression: Any) -> Part:
    if not isinstance(expression, Recorded):
        raise NotCarried(_NO_STATE)
    state: Any = expression.state
    match expression.name.rpartition(".")[2]:
        case "AllExpression":
            return Star(_number(state.get("step") or 1))
        case "RangeExpression" | "MonthRangeExpression" | "WeekdayRangeExpression":
            last = None if state["last"] is None else _number(state["last"])
            return Span(_number(state["first"]), last, _number(state.get("step") or 1))
        case "WeekdayPositionExpression":
            return Nth(_number(state["option_num"], 5), _number(state["weekday"], 6))
        case "LastDayOfMonthExpression":
            return Last()
        case name:
            raise NotCarried(f"its cron field has a {name[:60]}, which is none of APScheduler's own")


def _number(value: Any, most: int = 9999) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise NotCarried(_NO_STATE)
    return value


def _interval(state: dict[str, Any], next_run: datetime | None) -> _Trigger:
    interval = length_of(state.get("interval")) or timedelta(seconds=1)
    start, end = _needed(moment_of(state.get("start_date"))), moment_of(state.get("end_date"))
    # What comes next counts from the last run, which a change of the job, or jitter, may have put elsewhere.
    every = Every(interval, anchor=(next_run or start).astimezone(UTC))
    return _Trigger(
        f"interval[{length(interval)}]",
        every,
        instants=every.after,
        start=start,
        end=end,
        jitter=state.get("jitter"),
    )


def _combined(name: str, state: dict[str, Any]) -> _Trigger:
    parts = [_trigger(kind, of, None) for kind, of in state.get("triggers") or ()]
    word = "or" if name == "OrTrigger" else "and"
    combined = _Trigger(f"{word}[{', '.join(part.words for part in parts)}]", jitter=state.get("jitter"))
    triggers = [part.trigger for part in parts if part.trigger is not None]
    zones = {part.zone for part in parts if part.zone}
    combined.zone = zones.pop() if len(zones) == 1 else None
    if len(parts) == 1:
        combined.trigger, combined.refused, combined.instants = triggers[0], parts[0].refused, parts[0].instants
        combined.start, combined.end = parts[0].start, parts[0].end
    elif word == "and":
        combined.refused = "it runs when all of its triggers agree; write one cron string, or days off (exclude)"
    elif refused := next((part.refused for part in parts if part.refused), ""):
        combined.refused = refused
    elif any(isinstance(trigger, Every) for trigger in triggers):
        combined.refused = "an interval inside of an or begins anew at each run of the others; make schedules of them"
    elif len({(part.start, part.end) for part in parts}) > 1:
        combined.refused = "its triggers begin or end at different times; make a schedule of each"
    elif not parts:
        raise NotCarried(_NO_STATE)
    else:
        combined.trigger = AnyOf(*triggers)
        combined.start, combined.end = parts[0].start, parts[0].end
        combined.instants = _first_of([part.instants for part in parts if part.instants is not None])
    return combined


def _first_of(all_instants: Sequence[Instants]) -> Instants:
    def after(us: int) -> int | None:
        return min((at for each in all_instants if (at := each(us)) is not None), default=None)

    return after


def _needed(at: datetime | None) -> datetime:
    if at is None:
        raise NotCarried(_NO_STATE)
    return from_us(to_us(at))
