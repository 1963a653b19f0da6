"""**Now**: whether anything is wrong, why, and what to press."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.overview import MAX_TOLD, Lane, NotRun, Overview, read_overview
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.clock import in_zone
from rq_scheduler.humanize import counted, length
from rq_scheduler.views.audit import sentence
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.health import QueueWords, heartbeat_words, queue_words
from rq_scheduler.views.marks import kind_of_letter
from rq_scheduler.views.overview import (
    LaneWords,
    Need,
    lane_words,
    lede,
    needs,
    not_run_reason,
    not_run_words,
    stretch_words,
    verdict,
)
from rq_scheduler.views.problems import outage_words
from rq_scheduler.web.pages.charts.axis import Axis, Band, axis_strip
from rq_scheduler.web.pages.charts.bars import spark
from rq_scheduler.web.pages.charts.lanes import caption_strip, lane_strip
from rq_scheduler.web.pages.page import Asked, Shown
from rq_scheduler.web.pages.runs import marks_of
from rq_scheduler.web.pages.undoing import NOTHING, Undoing, stand_of, undoing_of

__all__ = ["show"]

SPANS = {
    "10m": (timedelta(minutes=10), timedelta(minutes=2)),
    "1h": (timedelta(hours=1), timedelta(minutes=10)),
    "12h": (timedelta(hours=12), timedelta(hours=2)),
    "2d": (timedelta(days=2), timedelta(hours=8)),
}
"""How much of the past and of what comes the time axis shows."""

_GROUPS = {
    "failed": "Needs you",
    "late": "Needs you",
    "waiting": "Worth a look",
    "running": "Worth a look",
    "paused": "Worth a look",
    "skipped": "Worth a look",
    "missed": "Worth a look",
}
_OTHERS = "What comes next"


@dataclass(frozen=True, slots=True)
class LaneShown:
    """A lane: its words and its strip."""

    id: str
    words: LaneWords
    strip: Markup


@dataclass(frozen=True, slots=True)
class NotRunShown:
    """A row of what did not run."""

    id: str
    at: datetime
    when: str
    kind: str
    word: str
    reason: str
    paused: bool = False
    resumes: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change, and whether it can be undone."""

    entry: AuditEntry
    at: str
    said: str
    undoing: Undoing
    resume: bool


@dataclass(frozen=True, slots=True)
class Now:
    """The page's value."""

    found: Overview
    needs: Sequence[Need]
    verdict: str
    lede: str
    span: str
    axis: Markup
    caption: Markup
    groups: Sequence[tuple[str, Sequence[LaneShown]]]
    spark: Markup | None
    not_run: Sequence[NotRunShown]
    not_run_left: int
    changes: Sequence[Change]

    @property
    def undo_refused(self) -> str:
        """Why some of the changes are not undone here."""
        return next((change.undoing.refused for change in self.changes if change.undoing.refused), "")

    @property
    def heartbeats(self) -> list[str]:
        """`ops-1 0.8s`: how long ago each dispatcher was heard of."""
        return heartbeat_words(self.found.health)

    @property
    def queues(self) -> list[QueueWords]:
        """Those with something in them first."""
        return queue_words(self.found.health)

    @property
    def waiting(self) -> int:
        """Jobs in queues."""
        return sum(self.found.health.queues.values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is scheduled, and nothing was, and all that is needed is a dispatcher."""
        health = self.found.health
        is_in_need = any(need.code != "no_dispatcher" for need in self.needs)
        return not (health.counts.schedules or health.one_offs or self.found.changes or is_in_need)


def show(asked: Asked) -> Shown:
    """The page."""
    span = asked.query.get("span", "12h")
    span = span if span in SPANS else "12h"
    found = read_overview(asked.scheduler, *SPANS[span])
    model = now_of(found, asked, span)
    title = "Nothing needs you" if not model.needs else f"{counted(len(model.needs), 'thing needs', 'things need')} you"
    return Shown("now.html", title, model)


def now_of(found: Overview, asked: Asked, span: str) -> Now:
    """The page's value, from what was read."""
    times, told = asked.times, needs(found, asked.times)
    axis = Axis(found.since, found.until, found.now, asked.tz, [*_bands(found)])
    rows = [*_not_run(found, times), *_paused(found, times)]
    rows.sort(key=lambda row: row.at, reverse=True)
    ends = (in_zone(axis.since, asked.tz), in_zone(axis.until, asked.tz))
    label = f"Time axis, {ends[0]:%a %H:%M} to {ends[1]:%a %H:%M}, {asked.zone}"
    return Now(
        found=found,
        needs=told,
        verdict=verdict(found, told),
        lede=lede(found, told, times),
        span=span,
        axis=axis_strip(axis, label),
        caption=caption_strip(axis),
        groups=_groups(found, asked, axis),
        spark=_spark(found),
        not_run=rows[:MAX_TOLD],
        not_run_left=found.not_run_left + max(0, len(rows) - MAX_TOLD),
        changes=_changes(found, asked),
    )


def _bands(found: Overview) -> Iterator[Band]:
    for outage in found.outages:
        ended = outage.ended or found.now
        how_long = length(ended - outage.began, coarse=True)
        yield Band(outage.began, ended, f"{outage_words(outage.cause)}, {how_long}")


def _groups(found: Overview, asked: Asked, axis: Axis) -> list[tuple[str, Sequence[LaneShown]]]:
    groups: dict[str, list[LaneShown]] = {name: [] for name in dict.fromkeys([*_GROUPS.values(), _OTHERS])}
    for lane in found.lanes:
        words = lane_words(lane, found.now, asked.times)
        has_news = words.kind in _GROUPS and (lane.runs or lane.stored.paused)
        shown = LaneShown(lane.stored.id, words, _strip(lane, words, found, asked, axis))
        groups[_GROUPS[words.kind] if has_news else _OTHERS].append(shown)
    return [(name, lanes) for name, lanes in groups.items() if lanes]


def _strip(lane: Lane, words: LaneWords, found: Overview, asked: Asked, axis: Axis) -> Markup:
    id, times = lane.stored.id, asked.times
    changes = [
        (entry.at, f"{times.short(whole_second(entry.at))} {sentence(entry, asked.tz)}", "#changed")
        for entry in found.changes
        if entry.id == id and entry.action in ("changed", "undone", "defined")
    ]
    coming = [(at, f"due {times.short(whole_second(at))}") for at in lane.coming]
    marks = marks_of(lane.runs, id, asked, axis.since)
    return lane_strip(axis, f"{id}: {words.said}", marks, coming, changes, lane.stored.paused_at)


def _spark(found: Overview) -> Markup | None:
    if not found.lateness:
        return None
    minutes = {one.minute: one for one in found.lateness}
    first = found.now.replace(second=0, microsecond=0) - timedelta(minutes=59)
    places = [minutes.get(first + timedelta(minutes=minute)) for minute in range(60)]
    lines = [
        [None if one is None else one.median / timedelta(milliseconds=1) for one in places],
        [None if one is None else one.worst / timedelta(milliseconds=1) for one in places],
    ]
    worst = max(found.lateness, key=lambda one: one.worst)
    label = f"Lateness of the last hour, minute by minute; the worst was at most {length(worst.worst)}"
    return spark(lines, ["p50", "p99"], label)


def _not_run(found: Overview, times: Times) -> Iterator[NotRunShown]:
    for one in found.not_run:
        yield NotRunShown(
            id=one.schedule_id,
            at=one.last,
            when=stretch_words(one.first, one.last, times),
            kind=_kind(one),
            word=not_run_words(one),
            reason=not_run_reason(one, found, times),
        )


def _kind(one: NotRun) -> str:
    return kind_of_letter(one.letter)


def _paused(found: Overview, times: Times) -> Iterator[NotRunShown]:
    """Those that are paused now: nothing counts what they leave out, but that is why."""
    for lane in found.lanes:
        stored = lane.stored
        if stored.paused and stored.paused_at is not None:
            since, note = times.short(whole_second(stored.paused_at)), f": {stored.note}" if stored.note else ""
            ends = "" if stored.paused_until is None else f", until {times.short(whole_second(stored.paused_until))}"
            who = stored.paused_by or "Failures or a fault"
            yield NotRunShown(
                *(stored.id, stored.paused_at, f"since {since}", "paused", "Paused", f"{who}{ends}{note}"),
                paused=True,
                resumes=not stored.cannot_run,
            )


def _changes(found: Overview, asked: Asked) -> list[Change]:
    """What was done later to the same schedule leaves nothing to undo of what was done before."""
    shown: list[Change] = []
    done, stand = set[str](), stand_of(found.changes, asked)
    paused = {lane.stored.id for lane in found.lanes if lane.stored.paused and not lane.stored.cannot_run}
    for entry in found.changes:
        undoing = NOTHING if entry.id in done else undoing_of(entry, stand, asked)
        if undoing.version:
            done.add(entry.id)
        resume = entry.action == "paused" and entry.id in paused
        if resume:
            paused.discard(entry.id)
        said = sentence(entry, asked.tz)
        said = said.partition(": ")[0] if entry.changes else said
        shown.append(Change(entry, asked.times.short(whole_second(entry.at)), said, undoing, resume))
    return shown
