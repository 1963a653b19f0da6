"""**Schedule**: one of them: what it did and will do, what it does when, and what it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from markupsafe import Markup

from rq_scheduler.client.schedules import Run, StoredSchedule, Version
from rq_scheduler.client.schedules.explain.jobs import took
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.clock import from_us, in_zone, to_us
from rq_scheduler.humanize import counted, distance, length
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.triggers.exclusions import DaysOff
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.marks import kind_of_run, outcome_words, run_line, why
from rq_scheduler.views.spoken import place, zone_of
from rq_scheduler.views.standing import left_out_words, policies, standing, trigger_line
from rq_scheduler.web.pages.charts.calendar import Month, month_of
from rq_scheduler.web.pages.charts.history import Event, history_plot
from rq_scheduler.web.pages.page import Asked, Shown
from rq_scheduler.web.pages.runs import marks_of

__all__ = ["show"]

PLOTTED = 50
LISTED = 10
COMING = 400
"""Instants that are worked out for the calendar."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the list. `own` is by the schedule's clock, `here` by the reader's, where that is another."""

    run: Run
    own: str
    here: str
    kind: str
    word: str
    late: str
    in_queue: str
    took: str
    error: str


@dataclass(frozen=True, slots=True)
class Coming:
    """A run to come."""

    at: datetime
    distance: str
    own: str
    here: str


@dataclass(frozen=True, slots=True)
class Page:
    """The page's value. `own` is the place whose clock the schedule goes by, `here` that of the reader; the same where
    it goes by none. refused, undo_refused: why it may not be run here, and not be as it was before; left_out: what the
    pause that goes on leaves out, in a sentence."""

    stored: StoredSchedule
    kind: str
    word: str
    when: str
    own: str
    here: str
    off: str
    takes: str
    worst: str
    failed: Sequence[str]
    plot: Markup
    rows: Sequence[RunRow]
    total: int
    policies: Sequence[tuple[str, str, str]]
    coming: Sequence[Coming]
    months: Sequence[Month]
    versions: Sequence[Version]
    refused: str
    undo_refused: str
    left_out: str
    last: RunRow | None

    @property
    def two_clocks(self) -> bool:
        """Whether the two differ."""
        return self.own != self.here


def show(asked: Asked) -> Shown:
    """The page. Raises ScheduleNotFound."""
    schedules = asked.scheduler.schedules
    stored = schedules[asked.id]
    runs = schedules.runs(asked.id, PLOTTED)
    versions = schedules.versions(asked.id) if stored.kind == "schedule" else []
    every = asked.query.get("runs") == "all"
    return Shown("schedule.html", stored.id[:60], page_of(stored, runs, versions, asked, PLOTTED if every else LISTED))


def page_of(
    stored: StoredSchedule, runs: Sequence[Run], versions: Sequence[Version], asked: Asked, listed: int
) -> Page:
    """The page's value, from what was read."""
    own = _own_times(stored, asked)
    kind, word = standing(stored)
    ahead = stored.instants_after_pause() if stored.paused else stored.instants()
    instants = [from_us(due) for _, due in islice(ahead, COMING)]
    lengths = sorted(run.duration for run in runs if run.duration is not None)
    same = own.name == asked.zone
    return Page(
        stored=stored,
        kind=kind,
        word="Active" if kind == "ok" else word,
        when=trigger_line(stored, asked.times)[0],
        own=asked.zone if same else own.name,
        here=asked.zone,
        off=_off_words(stored),
        takes="" if not lengths else took(lengths[len(lengths) // 2]),
        worst="" if len(lengths) < 2 else took(lengths[len(lengths) * 95 // 100]),
        failed=[asked.times.short(whole_second(run.nominal)) for run in runs if kind_of_run(run) == "failed"],
        plot=_plot(stored, runs, versions, asked, own),
        rows=[_row(run, own, asked.times, same=same) for run in runs[:listed]],
        total=len(runs),
        policies=list(policies(stored, asked.times)),
        coming=[_coming(at, own, asked, same=same) for at in instants[:10]],
        months=_months(stored, runs, instants, own),
        versions=versions,
        last=next((_row(run, own, asked.times, same=same) for run in runs if run.job_id is not None), None),
        refused=asked.refusal(stored.func),
        undo_refused=asked.refusal(versions[1].func) if len(versions) > 1 else "",
        left_out=left_out_words(stored, stored.paused_until, own) if stored.paused else "",
    )


def _own_times(stored: StoredSchedule, asked: Asked) -> Times:
    """By the schedule's own clock; by the reader's where it has none."""
    zone = zone_of(stored.trigger)
    return Times(zone or asked.zone, asked.now, asked.now)


def _off_words(stored: StoredSchedule) -> str:
    spec = stored.spec
    return "" if spec is None or not spec.exclude else ", ".join(map(str, spec.exclude))


def _row(run: Run, own: Times, here: Times, *, same: bool) -> RunRow:
    waited = None if run.started_at is None or run.outcome == "missed" else run.started_at - run.handed_off_at
    ends = "" if run.until == run.nominal else f" to {own.short(whole_second(run.until))}"
    in_queue = "" if waited is None else length(max(waited, timedelta()))
    return RunRow(
        run=run,
        own=own.short(whole_second(run.nominal)) + ends,
        here="" if same else here.short(whole_second(run.nominal)),
        kind=kind_of_run(run),
        word=outcome_words(run) + (f", {counted(run.attempts - 1, 'retry', 'retries')}" if run.attempts > 1 else ""),
        late="" if run.lateness is None else length(run.lateness),
        in_queue=in_queue,
        took="" if run.duration is None else took(run.duration),
        error=why(run, here),
    )


def _coming(at: datetime, own: Times, asked: Asked, *, same: bool) -> Coming:
    here = "" if same else asked.times.short(whole_second(at))
    return Coming(at, distance(at, asked.now), own.short(whole_second(at)), here)


def _plot(stored: StoredSchedule, runs: Sequence[Run], versions: Sequence[Version], asked: Asked, own: Times) -> Markup:
    marks = marks_of(runs, stored.id, asked)
    dense = bool(marks) and marks[-1].due - marks[0].due < timedelta(days=3)
    spec = "%H:%M:%S" if dense and marks[-1].due - marks[0].due < timedelta(hours=1) else "%H:%M" if dense else "%-d %b"
    labels = [in_zone(mark.due, own.zone).strftime(spec) for mark in marks]
    events: list[Event] = []
    for before, (one, other) in enumerate(pairwise(marks), start=1):
        for version in versions:
            if version.since is not None and one.due < version.since <= other.due and version.changes:
                said = f"{asked.times.short(whole_second(version.since))} {version.actor}: {', '.join(version.changes)}"
                events.append(Event(before, "change", said))
        was, is_now = (in_zone(mark.due, own.zone).utcoffset() for mark in (one, other))
        if was is not None and is_now is not None and was != is_now:
            events.append(Event(before, "clocks", f"clocks {'back' if is_now < was else 'forward'}, {place(own.name)}"))
    kinds = [mark.kind for mark in marks]
    said = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return history_plot(marks, labels, f"The last {len(marks)} runs of {stored.id}: {said}", events)


def _months(stored: StoredSchedule, runs: Sequence[Run], instants: Sequence[datetime], own: Times) -> list[Month]:
    today = in_zone(own.now, own.zone).date()
    first = today.replace(day=1)
    second = (first + timedelta(days=32)).replace(day=1)
    end = (second + timedelta(days=32)).replace(day=1)
    found: dict[date, list[tuple[str, str]]] = defaultdict(list)
    for run in reversed(runs):
        found[in_zone(run.nominal, own.zone).date()].append((kind_of_run(run), run_line(run, own)))
    # It fires so often that these end soon. (An interval of the 0.14 API has no instants but the next ones.)
    if len(instants) == COMING and stored.kind == "schedule":
        instants = [*instants, *_first_of_days(stored, instants[-1], end, own)]
    for at in instants:
        found[in_zone(at, own.zone).date()].append(("coming", f"due {own.short(whole_second(at))}"))
    clocks = _clock_changes(first, end, own)
    off = _days_off(stored, first, end, own)
    return [month_of(month, today, found, off, clocks) for month in (first, second)]


def _first_of_days(stored: StoredSchedule, after: datetime, end: date, own: Times) -> Iterator[datetime]:
    """The first instant of each day from the next one on."""
    if stored.spec is None:
        return
    occurrences, day = Occurrences(stored.id, stored.spec), in_zone(after, own.zone).date() + timedelta(days=1)
    while day < end:
        begins = datetime(day.year, day.month, day.day, tzinfo=own.zone)
        found = occurrences.after(to_us(begins) - 1)
        if found is None:
            return
        there = in_zone(from_us(found), own.zone).date()
        if there == day:
            yield from_us(found)
        day = max(day + timedelta(days=1), there)


def _clock_changes(first: date, end: date, own: Times) -> dict[date, str]:
    found: dict[date, str] = {}
    zone, day = own.zone, first
    while day < end:
        begins = datetime(day.year, day.month, day.day, tzinfo=zone)
        following = day + timedelta(days=1)
        ends = datetime(following.year, following.month, following.day, tzinfo=zone)
        was, is_then = begins.utcoffset(), ends.utcoffset()
        if was is not None and is_then is not None and was != is_then:
            found[day] = f"the clocks go {'back' if is_then < was else 'forward'}"
        day = following
    return found


def _days_off(stored: StoredSchedule, first: date, end: date, own: Times) -> Mapping[date, str]:
    spec = stored.spec
    if spec is None or not spec.exclude:
        return {}
    zone = ZoneInfo(own.name)
    lo, hi = (to_us(datetime(day.year, day.month, day.day, tzinfo=zone)) for day in (first, end))
    found: dict[date, str] = {}
    for begins, ends in DaysOff(spec.exclude, own.name).spans(lo, hi):
        day, last = in_zone(from_us(begins), zone).date(), in_zone(from_us(ends - 1), zone).date()
        while day <= last:
            found[day] = "day off"
            day += timedelta(days=1)
    return found
