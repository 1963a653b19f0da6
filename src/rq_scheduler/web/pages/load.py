"""**Load**: how much is due in each queue, and where it is more than its workers can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from rq_scheduler.client.schedules import Crowd, Load, QueueLoad
from rq_scheduler.clock import in_zone
from rq_scheduler.errors import SchedulerError
from rq_scheduler.humanize import counted, length
from rq_scheduler.views.load import QueueWords, crowd_words, jitter_words, peak_words, queue_words
from rq_scheduler.web.api.forecasts import load_soon
from rq_scheduler.web.pages.charts.histogram import Bar, histogram_plot
from rq_scheduler.web.pages.page import SOON, Asked, Shown

__all__ = ["show"]

SPANS = {"24h": "24 hours", "3d": "3 days", "7d": "7 days"}
"""How far ahead it may be looked."""

_SHOWN_QUEUES = 50
_TICKS = 8
"""Hours with a time below them."""


@dataclass(frozen=True, slots=True)
class PeakShown:
    """A peak, and whose it is."""

    words: str
    crowd: Sequence[tuple[str, Crowd]]


@dataclass(frozen=True, slots=True)
class LoadShown:
    """The page's value. `as_of`: when it was counted; None as long as it is being counted. `chosen`: the queue whose
    hours are drawn; `left`: queues that are not listed."""

    verdict: str
    span: str
    as_of: datetime | None = None
    queues: Sequence[tuple[QueueWords, bool]] = ()
    left: int = 0
    chosen: str = ""
    plot: Markup | None = None
    peaks: Sequence[PeakShown] = ()
    jitter: str = ""
    notes: Sequence[str] = ()
    refused: str = ""


def show(asked: Asked) -> Shown:
    """All queues, those with peaks first; one of them by hour."""
    span = asked.query.get("within", "24h")
    span = span if span in SPANS else "24h"
    try:
        found = load_soon(asked.scheduler, span)
    except SchedulerError as error:
        return Shown("load.html", "Load", LoadShown("This cannot be counted", span, refused=str(error)), 422)
    if found is None:
        return Shown("load.html", "Load", LoadShown("The load is being counted", span), refresh=SOON)
    name = asked.query.get("queue", "")
    chosen = next((one for one in found.queues if one.queue == name), None)
    if chosen is None and not name and found.queues:
        chosen = found.queues[0]
    shown = LoadShown(
        verdict=_verdict(found, span),
        span=span,
        as_of=found.since,
        queues=[(queue_words(one, asked.tz), bool(one.peaks)) for one in found.queues[:_SHOWN_QUEUES]],
        left=max(0, len(found.queues) - _SHOWN_QUEUES),
        chosen=name if chosen is None else chosen.queue,
        plot=None if chosen is None else _plot(chosen, asked, span),
        peaks=[]
        if chosen is None
        else [
            PeakShown(peak_words(chosen, peak, asked.tz), [(crowd_words(crowd), crowd) for crowd in peak.crowd])
            for peak in chosen.peaks
        ],
        jitter="" if chosen is None or not chosen.peaks else jitter_words(chosen),
        notes=_notes(found, chosen),
    )
    return Shown("load.html", "Load", shown)


def _verdict(found: Load, span: str) -> str:
    crowded = [one for one in found.queues if one.peaks]
    if not found.queues:
        return f"No run of a schedule is due within {SPANS[span]}"
    if not crowded:
        return f"No queue gets more than its workers can take within {SPANS[span]}"
    if len(crowded) == 1:
        return f"{crowded[0].queue} gets more than its workers can take"
    return f"{len(crowded):,} queues get more than their workers can take"


def _notes(found: Load, chosen: QueueLoad | None) -> list[str]:
    notes: list[str] = []
    if chosen is not None and not chosen.workers:
        notes.append("No worker listens on this queue, so nothing can be said of peaks")
    if chosen is not None and chosen.unknown:
        who = counted(chosen.unknown, "schedule has", "schedules have")
        how = "nothing is known of others" if chosen.assumed is None else f"{length(chosen.assumed)} is assumed"
        notes.append(f"{who} not succeeded yet, so nobody knows how long a run takes: {how}")
    if chosen is not None and not chosen.exact:
        notes.append("Numbers are about right: dense runs are taken to come evenly over their jitter")
    if found.unreadable:
        notes.append(f"{counted(found.unreadable, 'schedule', 'schedules')} cannot be counted here")
    return notes


def _plot(queue: QueueLoad, asked: Asked, span: str) -> Markup:
    bars: list[Bar] = []
    every = -(-len(queue.hours) // _TICKS)
    for index, hour in enumerate(queue.hours):
        here = in_zone(hour.began, asked.tz)
        tick = "" if index % every else f"{here:%H:%M}" if span == "24h" else f"{here:%a %H:%M}"
        work = f", {length(hour.work, coarse=True)} of work" if hour.work else ""
        runs = round(hour.runs)
        words = f"{here:%a %H:%M}: {counted(runs, 'run', 'runs')}{work}"
        bars.append(Bar(runs, words, asked.link("load", queue=queue.queue, within=span), tick))
    return histogram_plot(bars, f"Runs due in {queue.queue} by hour, within {SPANS[span]}")
