"""Runs as marks on charts, with links to why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rq_scheduler.client.schedules import Run
from rq_scheduler.views.marks import ends_at, kind_of_run, run_line
from rq_scheduler.views.serializers import iso
from rq_scheduler.web.pages.charts.marks import EXPLAINED, Mark
from rq_scheduler.web.pages.page import Asked

__all__ = ["marks_of"]


def marks_of(runs: Sequence[Run], id: str, asked: Asked, since: datetime | None = None) -> list[Mark]:
    """Oldest first; of those that reach past `since`."""
    seen = runs if since is None else [run for run in runs if run.nominal >= since or ends_at(run, asked.now) >= since]
    return [_mark(run, id, asked) for run in reversed(seen)]


def _mark(run: Run, id: str, asked: Asked) -> Mark:
    begins = run.nominal if run.job_id is None else run.started_at or run.handed_off_at
    late = None if run.lateness is None else run.lateness.total_seconds()
    kind = kind_of_run(run)
    return Mark(
        kind=kind,
        due=run.due,
        begins=begins,
        ends=max(begins, ends_at(run, asked.now)),
        words=run_line(run, asked.times),
        href=asked.link("schedules", id, "why", at=iso(run.nominal)) if kind in EXPLAINED else "",
        took=None if run.duration is None else run.duration.total_seconds(),
        late=late,
    )
