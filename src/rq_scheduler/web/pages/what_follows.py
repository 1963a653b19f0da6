"""What follows upon an answer of **Why**: what becomes of the run that was asked about, and of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rq_scheduler.client.schedules import Run, StoredSchedule
from rq_scheduler.client.schedules.explain import Explanation
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.clock import from_us, in_zone
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.marks import kind_of_run
from rq_scheduler.web.pages.page import Asked

__all__ = ["Follows", "what_follows"]

_STILL_STARTS = {
    "no_worker": "starts as soon as a worker takes it; its time stays this one",
    "queued": "starts as soon as a worker takes it; its time stays this one",
    "buffered": "starts when the run before it has ended; its time stays this one",
    "suspended": "starts once RQ's workers are resumed",
    "retrying": "is tried again by itself",
}
_BUFFERED_AND_PAUSED = "starts when it is resumed, and the run before it has ended; its time stays this one"
_STAYS = frozenset({"skipped", "missed", "excluded", "paused", "failed", "stopped", "canceled", "expired", "deleted"})
"""Causes after which nothing more becomes of a run by itself."""

_BESIDE_ANOTHER = {
    "skip": "runs, if the run before it has ended by then",
    "buffer_one": "runs, when the run before it has ended, if no other waits for that by then",
    "buffer_all": "runs, when the runs before it have ended",
    "replace": "runs, and ends the run before it",
}
"""What becomes of the next run while one goes on, by what overlap says."""


@dataclass(frozen=True, slots=True)
class Follows:
    """A run to come, or the one that was asked about, and what becomes of it. make_up: where it is made up for."""

    when: str
    at: datetime
    what: str
    make_up: str = ""


def what_follows(
    found: Explanation, stored: StoredSchedule | None, runs: Sequence[Run], asked: Asked
) -> Sequence[Follows]:
    """The run that was asked about, where that has had its time, and the next one of its schedule."""
    if found.at is None or stored is None or stored.kind != "schedule":
        return ()
    # By the clock by which the answer is told.
    times = Times(found.timezone, asked.now, asked.now)
    follows: list[Follows] = []
    if found.cause == "buffered" and stored.paused:
        follows.append(_line(found.at, _BUFFERED_AND_PAUSED, times))
    elif found.cause in _STILL_STARTS:
        follows.append(_line(found.at, _STILL_STARTS[found.cause], times))
    elif found.cause in _STAYS and found.at <= asked.now:
        follows.append(_line(found.at, "stays as it is", times, _make_up(found, stored, asked)))
    upcoming = _next(stored, runs, asked.now)
    instants = stored.instants_after_pause() if stored.paused else stored.instants()
    nominal = next((from_us(each) for each, _ in instants), None)
    if upcoming is not None and nominal != found.at:
        follows.append(_line(*upcoming, times))
    return follows


def _line(at: datetime, what: str, times: Times, make_up: str = "") -> Follows:
    return Follows(times.short(whole_second(at)), at, what, make_up)


def _make_up(found: Explanation, stored: StoredSchedule, asked: Asked) -> str:
    """The form with its second filled in; empty where it cannot be made up for, or not from here."""
    can = any(one.command.startswith("rqscheduler backfill ") for one in found.remedies)
    if found.at is None or not can or not asked.may_change or asked.refusal(stored.func):
        return ""
    since = found.at.replace(microsecond=0)
    shown = [in_zone(each, asked.tz) for each in (since, since + timedelta(seconds=1))]
    if any(each.fold for each in shown):
        return ""  # the form knows no second 02:30 of a day
    first, last = (each.replace(tzinfo=None).isoformat() for each in shown)
    return asked.link("schedules", stored.id, "backfill", since=first, until=last)


def _next(stored: StoredSchedule, runs: Sequence[Run], now: datetime) -> tuple[datetime, str] | None:
    """When it comes next, and what becomes of that."""
    if stored.paused:
        after = stored.next_run_after_pause
        return None if after is None else (after, "runs, when its pause has ended")
    if stored.next_run_at is None:
        return None
    if stored.next_run_at <= now:
        return stored.next_run_at, "is due, and waits for a dispatcher"
    # One that was backfilled holds up nothing.
    goes_on = any(run.outcome != "backfill" and kind_of_run(run) in ("running", "waiting") for run in runs)
    overlap = "allow" if stored.spec is None else stored.spec.overlap
    return stored.next_run_at, _BESIDE_ANOTHER.get(overlap, "runs") if goes_on else "runs"
