"""**One-off jobs**: those that wait for their time, from a time on; and one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from rq_scheduler.client.pending import MAX_LOOKED_AT, PendingJob
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.humanize import counted, distance
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.pending import verdict
from rq_scheduler.views.serializers import iso
from rq_scheduler.web.api.cursors import cursor_of
from rq_scheduler.web.api.jobs import behind_of
from rq_scheduler.web.pages.actions import moment_of
from rq_scheduler.web.pages.charts.histogram import Bar, histogram_plot
from rq_scheduler.web.pages.page import Asked, Shown
from rq_scheduler.web.problems import Refused

__all__ = ["show", "show_one"]

ROWS = 50
_QUARTER, _DAY = timedelta(minutes=15), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """A job in the list."""

    job: PendingJob
    distance: str
    at: str
    created: str


@dataclass(frozen=True, slots=True)
class Jobs:
    """The page's value. `searched`: how many jobs were looked through at most, where a call was asked for."""

    verdict: str
    lede: str
    plot: Markup
    rows: Sequence[Row]
    since: str
    call: str
    next: str | None
    searched: int


@dataclass(frozen=True, slots=True)
class Job:
    """The page's value of one."""

    row: Row
    due: str


def show(asked: Asked) -> Shown:
    """The page; an id that is looked for is shown at once."""
    call = asked.query.get("q", "").strip()[:200]
    jobs = asked.scheduler.jobs
    if call and (one := jobs.get(call)) is not None:
        return _one(asked, one)
    since = _since(asked)
    cursor = asked.query.get("cursor")
    behind = None if not cursor else behind_of(cursor)
    found = jobs.find(since=since, behind=behind, call=call or None, limit=ROWS + 1)
    page = found[:ROWS]
    more = cursor_of(str(round(page[-1].due.timestamp() * 1_000_000)), page[-1].id) if len(found) > ROWS else None
    counts = jobs.histogram(_quarter(asked.now), _quarter(asked.now) + _DAY)
    said, lede = verdict(asked.one_offs, counts, asked.times)
    model = Jobs(
        verdict=said,
        lede=lede,
        plot=_plot(counts, since, asked),
        rows=[_row(job, asked) for job in page],
        since="" if since is None else since.astimezone(asked.tz).replace(tzinfo=None).isoformat(timespec="minutes"),
        call=call,
        next=more,
        searched=MAX_LOOKED_AT if call else 0,
    )
    return Shown("jobs.html", counted(asked.one_offs, "one-off job waits", "one-off jobs wait"), model)


def show_one(asked: Asked) -> Shown:
    """One of them."""
    job = asked.scheduler.jobs.get(asked.id)
    if job is None:
        raise Refused(
            404, "not-scheduled", f"job {asked.id!r} does not wait for its time (any more): Why? says what became of it"
        )
    return _one(asked, job)


def _one(asked: Asked, job: PendingJob) -> Shown:
    due = job.due.astimezone(asked.tz).replace(tzinfo=None).isoformat(timespec="seconds")
    return Shown("job.html", job.id[:60], Job(_row(job, asked), due))


def _row(job: PendingJob, asked: Asked) -> Row:
    created = "" if job.created_at is None else distance(job.created_at, asked.now)
    return Row(job, distance(job.due, asked.now), asked.times.short(whole_second(job.due)), created)


def _since(asked: Asked) -> datetime | None:
    try:
        return moment_of(asked, "since", asked.query)
    except InvalidArgument:
        return None


def _quarter(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def _plot(counts: Sequence[tuple[datetime, int]], since: datetime | None, asked: Asked) -> Markup:
    bars: list[Bar] = []
    for at, count in counts:
        here = at.astimezone(asked.tz)
        midnight = here.hour == 0 and here.minute == 0
        tick = f"{here:%a} {here.day}" if midnight else f"{here:%H:%M}" if not here.minute and not here.hour % 3 else ""
        words = f"{here:%a %H:%M}: {counted(count, 'job', 'jobs')}"
        chosen = since is not None and at <= since < at + _QUARTER
        bars.append(Bar(count, words, asked.link("jobs", since=iso(at)), tick, midnight, chosen))
    most = max(counts, key=lambda pair: pair[1])
    peak = f"{most[0].astimezone(asked.tz):%a %H:%M} with {most[1]:,}"
    return histogram_plot(bars, f"One-off jobs of the next 24 hours by quarter of an hour; the most are due {peak}")
