"""**One-off jobs**: those that wait for their time, from a time on; and one of them. And with what a run ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote

from markupsafe import Markup

from rq_scheduler.client.pending import PendingJob
from rq_scheduler.clock import in_zone, to_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.humanize import counted, distance
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.pending import verdict
from rq_scheduler.views.serializers import iso
from rq_scheduler.web.api.cursors import cursor_of
from rq_scheduler.web.api.jobs import behind_of, get_traceback
from rq_scheduler.web.pages.charts.histogram import Bar, histogram_plot
from rq_scheduler.web.pages.forms import call_of, moment_of, wall_clock
from rq_scheduler.web.pages.page import Asked, Shown
from rq_scheduler.web.problems import Refused

__all__ = ["show", "show_one", "show_traceback"]

ROWS = 50
LONGEST_TRACEBACK = 100_000
"""Characters of a traceback that the page shows: its last ones, which say what was raised."""
SEARCHED, _STEP = 1_000, 500
"""Jobs that one page looks through for a text in their calls; and those that are read together."""
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
    """The page's value. `searched`: how many jobs were looked through, where a call was asked for; for the next ones,
    `next` goes on."""

    verdict: str
    lede: str
    plot: Markup
    rows: Sequence[Row]
    since: str
    call: str
    next: str | None
    searched: int

    @property
    def recurring(self) -> int:
        """How many of these recur: jobs of the 0.14 API, which are no one-offs."""
        return sum(row.job.recurs for row in self.rows)


@dataclass(frozen=True, slots=True)
class Job:
    """The page's value of one."""

    row: Row
    due: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The page's value of a traceback. left_out: lines before those shown, which `command` shows, too."""

    lines: Sequence[str]
    left_out: int
    command: str


def show(asked: Asked) -> Shown:
    """The page; an id that is looked for is shown at once."""
    call = asked.query.get("q", "").strip()[:200]
    jobs = asked.scheduler.jobs
    if call and (one := jobs.get(call)) is not None:
        return _one(asked, one)
    since = _since(asked)
    cursor = asked.query.get("cursor")
    behind = None if not cursor else behind_of(cursor)
    if call:
        page, last, searched = _search(asked, since, behind, call)
    else:
        found, searched = jobs.find(since=since, behind=behind, limit=ROWS + 1), 0
        page, last = found[:ROWS], found[ROWS - 1] if len(found) > ROWS else None
    more = None if last is None else cursor_of(str(to_us(last.due)), last.id)
    counts = jobs.histogram(_quarter(asked.now), _quarter(asked.now) + _DAY)
    said, lede = verdict(asked.one_offs, counts, asked.times)
    model = Jobs(
        verdict=said,
        lede=lede,
        plot=_plot(counts, since, asked),
        rows=[_row(job, asked) for job in page],
        since="" if since is None else in_zone(since, asked.tz).replace(tzinfo=None).isoformat(timespec="minutes"),
        call=call,
        next=more,
        searched=searched,
    )
    return Shown("jobs.html", counted(asked.one_offs, "one-off job waits", "one-off jobs wait"), model)


def _search(
    asked: Asked, since: datetime | None, behind: PendingJob | None, call: str
) -> tuple[list[PendingJob], PendingJob | None, int]:
    """Those whose call holds the text; the last one that was looked at, where more are behind it; how many were."""
    found, looked_at = list[PendingJob](), 0
    while looked_at < SEARCHED:
        step = asked.scheduler.jobs.find(since=since, behind=behind, limit=_STEP)
        for behind in step:
            looked_at += 1
            if call in behind.call:
                found.append(behind)
                if len(found) == ROWS:
                    return found, behind, looked_at
        if len(step) < _STEP:
            return found, None, looked_at
    return found, behind, looked_at


def show_one(asked: Asked) -> Shown:
    """One of them."""
    job = asked.scheduler.jobs.get(asked.id)
    if job is None:
        raise Refused(
            404, "not-scheduled", f"job {asked.id!r} does not wait for its time (any more): Why? says what became of it"
        )
    return _one(asked, job)


def show_traceback(asked: Asked) -> Shown:
    """The traceback with which the last run of a job ended."""
    text = get_traceback(call_of(asked, asked.id, None)).body["traceback"].rstrip()
    shown = Trace(
        lines=text[-LONGEST_TRACEBACK:].splitlines(),
        left_out=len(text[:-LONGEST_TRACEBACK].splitlines()),
        command=f"rqscheduler jobs traceback {quote(asked.id)}",
    )
    return Shown("traceback.html", f"Traceback of {asked.id[:60]}", shown)


def _one(asked: Asked, job: PendingJob) -> Shown:
    return Shown("job.html", job.id[:60], Job(_row(job, asked), wall_clock(job.due, asked.tz)))


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
        here = in_zone(at, asked.tz)
        midnight = here.hour == 0 and here.minute == 0
        tick = f"{here:%a} {here.day}" if midnight else f"{here:%H:%M}" if not here.minute and not here.hour % 3 else ""
        words = f"{here:%a %H:%M}: {counted(count, 'job', 'jobs')}"
        chosen = since is not None and at <= since < at + _QUARTER
        bars.append(Bar(count, words, asked.link("jobs", since=iso(at)), tick, midnight, chosen))
    most = max(counts, key=lambda pair: pair[1])
    peak = f"{in_zone(most[0], asked.tz):%a %H:%M} with {most[1]:,}"
    return histogram_plot(bars, f"One-off jobs of the next 24 hours by quarter of an hour; the most are due {peak}")
