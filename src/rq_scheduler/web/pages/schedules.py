"""**Schedules**: all of them by id, or those that are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from markupsafe import Markup

from rq_scheduler.aliases import ScheduleState
from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.client.schedules.explain.jobs import took
from rq_scheduler.humanize import NONE, distance
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.outcomes import legend
from rq_scheduler.views.standing import next_due, standing, there, trigger_line
from rq_scheduler.web.api.cursors import cursor_of, read_cursor
from rq_scheduler.web.pages.charts.bars import outcome_bars
from rq_scheduler.web.pages.page import Asked, Shown

__all__ = ["FILTERS", "Row", "show"]

FILTERS: Final = ("tag", "queue", "owner", "q", "state")
ROWS = 40
SEARCHED = 500
"""Schedules that one page looks through for a text with which no id begins."""

_SEARCHING = "s"
"""Of a cursor: what is behind it has to be looked through."""

STATES: Final[Mapping[str, tuple[str, str]]] = {
    "": ("All", ""),
    "failing": ("Failing", "failed"),
    "late": ("Overdue", "late"),
    "running": ("Running", "running"),
    "paused": ("Paused", "paused"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule in the list. refused: why it may not be run here."""

    stored: StoredSchedule
    kind: str
    word: str
    when: str
    place: str
    last: str
    took: str
    bars: Markup
    next_in: str
    next_at: str
    there: str
    refused: str


@dataclass(frozen=True, slots=True)
class Schedules:
    """The page's value. `searched`: that no id begins with what was asked for, and how many were looked through; `next`
    goes on with those behind them."""

    rows: Sequence[Row]
    tabs: Sequence[tuple[str, str, str, int]]
    chosen: Mapping[str, str]
    next: str | None
    is_first: bool
    searched: int

    @property
    def refused(self) -> str:
        """Why some of them may not be run here."""
        return next((row.refused for row in self.rows if row.refused), "")

    @property
    def offers_runs(self) -> bool:
        """Whether any of them may be run here."""
        return any(not row.refused and row.stored.kind == "schedule" for row in self.rows)


def show(asked: Asked) -> Shown:
    """The page."""
    chosen = {name: asked.query.get(name, "").strip()[:400] for name in FILTERS}
    if chosen["state"] not in STATES:
        chosen["state"] = ""
    cursor = asked.query.get("cursor") or None
    behind, mode = (None, "") if cursor is None else read_cursor(cursor, 2)
    page, more, searched = _find(asked, chosen, behind, searching=mode == _SEARCHING)
    states = context_of(asked.scheduler).store.count_states()
    counts = {"": asked.counts.schedules, **states}
    tabs = [(state, words, kind, counts[state]) for state, (words, kind) in STATES.items()]
    model = Schedules([row_of(one, asked) for one in page], tabs, chosen, more, behind is None, searched)
    return Shown("schedules.html", "Schedules", model)


def _find(
    asked: Asked, chosen: Mapping[str, str], behind: str | None, *, searching: bool
) -> tuple[list[StoredSchedule], str | None, int]:
    """Those of this page, the cursor of the next one, and how many were looked through for these."""
    wanted: dict[str, Any] = {
        "tag": chosen["tag"] or None,
        "queue_name": chosen["queue"] or None,
        "owner": chosen["owner"] or None,
        "behind": behind,
    }
    if chosen["state"] == "paused":
        wanted["paused"] = True
    elif chosen["state"]:
        wanted["state"] = cast("ScheduleState", chosen["state"])
    schedules, text = asked.scheduler.schedules, chosen["q"]
    if not searching:
        found = schedules.find(prefix=text or None, limit=ROWS + 1, **wanted)
        if found or not text or behind is not None:
            return found[:ROWS], cursor_of(found[ROWS - 1].id, "") if len(found) > ROWS else None, 0
    found, last, looked_at = list[StoredSchedule](), "", 0
    for one in schedules.find_iter(limit=SEARCHED + 1, **wanted):
        if looked_at == SEARCHED or len(found) == ROWS:
            return found, cursor_of(last, _SEARCHING), looked_at
        last = one.id
        looked_at += 1
        if _holds(one, text.lower(), asked):
            found.append(one)
    return found, None, looked_at


def _holds(one: StoredSchedule, text: str, asked: Asked) -> bool:
    texts = (one.id, one.call, one.owner, one.queue_name, *one.tags, trigger_line(one, asked.times)[0])
    return any(text in each.lower() for each in texts)


def row_of(stored: StoredSchedule, asked: Asked) -> Row:
    """A schedule as a line of a list."""
    times, due = asked.times, next_due(stored)
    kind, word = standing(stored)
    when, place = trigger_line(stored, times)
    last = "never" if stored.last_run_at is None else times.short(whole_second(stored.last_run_at))
    outcomes = stored.last_outcomes
    label = f"Last {len(outcomes)} outcomes, the newest last: {outcomes} ({legend(outcomes)})" if outcomes else "No run"
    after = ", after the pause" if stored.next_run_after_pause else ""
    none = "none, paused" if stored.paused else "none, finished" if stored.finished else NONE
    return Row(
        stored=stored,
        kind=kind,
        word=word,
        when=when + (", except on days off" if stored.spec is not None and stored.spec.exclude else ""),
        place=place,
        last=last,
        took="" if stored.mean_duration is None else took(stored.mean_duration),
        bars=outcome_bars(outcomes, label),
        next_in=none if due is None else distance(due, asked.now) + after,
        next_at="" if due is None else times.short(whole_second(due)),
        there=there(stored, times),
        refused=asked.refusal(stored.func) if stored.kind == "schedule" else "",
    )
