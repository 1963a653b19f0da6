"""The state of one Redis as a value: dispatchers, queues, counts, what holds the lock.

Reads only, in a fixed number of round trips; knows no key of Redis, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest

from rq_scheduler.clock import from_us
from rq_scheduler.store.alerts import AlertReceiver
from rq_scheduler.store.fleet import OutageLine
from rq_scheduler.store.survey import FEW_KEYS, FEWER_KEYS, Counts, Daemon, Fence, Parked, RqCron, Survey
from rq_scheduler.store.troubles import Some, Troubles
from rq_scheduler.triggers import MAX_US, MIN_US

__all__ = ["AlertReceiver", "Daemon", "Health", "OutageLine", "RqCron", "Some", "Troubles", "read_health"]

MAX_QUEUES = 100
"""Queues that are shown; those with something in them come first."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was found. `queues` maps names to lengths, `heard` to the number of live workers that listen; `misfits`
    says which keys hold something of another type; `last_heard` is the last heartbeat of any dispatcher, alive or
    not."""

    where: str
    now: datetime
    server: dict[str, str]
    dispatchers: Sequence[Daemon]
    counts: Counts
    fence: Fence | None
    wakeup_refused: str | None
    queues: dict[str, int]
    heard: Mapping[str, int]
    misfits: Sequence[str] = ()
    rq_crons: Sequence[RqCron] = ()
    parked: Parked = field(default_factory=Parked)
    troubles: Troubles = field(default_factory=Troubles)
    last_heard: datetime | None = None
    old_daemons: Sequence[Daemon] = ()
    alert_receivers: Sequence[AlertReceiver] = ()

    @property
    def next_due(self) -> datetime | None:
        """When what comes first is due; a score that is no time of a calendar is the first or the last of them."""
        due = self.counts.next_due
        return None if due is None else calendar_time(due)

    @property
    def first_parked(self) -> tuple[str, datetime] | None:
        """Of the one-offs that wait until RQ's job of their id has ended, the one that is due first, and when."""
        return next(((id, calendar_time(due)) for id, due in self.parked.first), None)

    @property
    def one_offs(self) -> int:
        """Jobs that wait to run once. (A recurring job that has just been written may not be told apart yet.)"""
        return max(0, self.counts.jobs - self.counts.recurring_jobs)


def calendar_time(us: int) -> datetime:
    """Of a score that is no time of a calendar, the first or the last of them."""
    return from_us(max(MIN_US, min(MAX_US, us)))


def read_health(survey: Survey, where: str, *, quick: bool = False) -> Health:
    """Asks Redis for all of it. `where` is the address as people may see it. `quick`, for what is asked again and
    again: without the look at the wake-up channel and at who changed what, and for daemons of 0.14 only where there are
    few keys."""
    heard = survey.listened_queues()
    lengths = survey.longest_queues(MAX_QUEUES)
    if len(lengths) < MAX_QUEUES:
        lengths |= survey.queue_lengths([name for name in heard if name not in lengths])
    shown = nsmallest(MAX_QUEUES, lengths, key=lambda name: (-lengths[name], name))
    now, heard_at = survey.now(), survey.last_heard()
    return Health(
        where=where,
        now=from_us(now),
        server=survey.server_facts(),
        dispatchers=survey.dispatchers(),
        counts=survey.counts(now),
        fence=survey.fence(),
        wakeup_refused=None if quick else survey.wakeup_refused(),
        queues={name: lengths[name] for name in shown},
        heard=heard,
        misfits=survey.misfits(),
        rq_crons=survey.rq_crons(),
        parked=survey.parked(1),
        troubles=survey.troubles(now, changes=not quick),
        last_heard=None if heard_at is None else calendar_time(heard_at),
        alert_receivers=survey.alert_receivers(),
        old_daemons=survey.old_daemons(FEWER_KEYS if quick else FEW_KEYS),
    )
