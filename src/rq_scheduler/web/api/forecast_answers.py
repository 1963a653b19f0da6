"""The types of what `views` shows of forecasts, as `answers` has those of all else."""

from __future__ import annotations

from typing import Any

import msgspec

from rq_scheduler.clock_changes import EffectKind
from rq_scheduler.web.api.answers import Moment


class _Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ClockMoment(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of a zone's clock. Local times are those that it would have shown, and those that it shows."""

    timezone: str
    at: Moment
    offset_before_seconds: float
    offset_after_seconds: float
    local_before: str
    local_after: str


class _Effect(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    trigger: dict[str, Any]
    effect: EffectKind
    says: str
    named: int
    times: list[str]
    runs: int
    instants: list[Moment]
    following: Moment | None
    at_least: bool


class TouchedGroupAnswer(_Effect, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Schedules with one trigger, and what a change of the clock does to each; the ids of the first few."""

    schedules: int
    paused: int
    ids: list[str]


class ClockChangeAnswer(ClockMoment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of a zone's clock. `touched` schedules name times that it jumps over or shows twice; `more` of them are
    in no group that is shown."""

    sentence: str
    touched: int
    counts: dict[EffectKind, int]
    groups: list[TouchedGroupAnswer]
    more: int


class SteadyZone(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zone whose clock does not change, and how many schedules read it."""

    timezone: str
    schedules: int


class ClockChangesAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next changes of the clock, in order of time. `elapsed` schedules read no clock, `unreadable` ones cannot be
    told."""

    since: Moment
    until: Moment
    changes: list[ClockChangeAnswer]
    steady: list[SteadyZone]
    elapsed: int
    unreadable: int
    schedules: int


class TouchedAnswer(_Effect, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule, and what the next change of its clock does to it."""

    schedule_id: str
    paused: bool
    change: ClockMoment


class TouchedPage(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some of the schedules that are touched, by id; `next` is the cursor of the following page."""

    schedules: list[TouchedAnswer]
    next: str | None


class HourAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is due in an hour."""

    began: Moment
    runs: float
    work_seconds: float


class CrowdAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Schedules with one trigger, and how many runs of them are due in a peak."""

    trigger: dict[str, Any]
    runs: float
    schedules: int
    ids: list[str]


class PeakAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time in which more is due than the workers can take, until the queue has drained."""

    began: Moment
    drained: Moment | None
    minutes: int
    runs: float
    wait_seconds: float
    crowd: list[CrowdAnswer]


class QueueLoadAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is due in a queue. `by_minute` are runs; `jitter_seconds` would let it fit."""

    queue_name: str
    schedules: int
    runs: float
    work_seconds: float
    workers: int
    by_minute: list[float]
    hours: list[HourAnswer]
    peaks: list[PeakAnswer]
    jitter_seconds: float | None
    unknown: int
    assumed_seconds: float | None
    exact: bool


class LoadAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is due, by queue: those with peaks first."""

    since: Moment
    until: Moment
    queues: list[QueueLoadAnswer]
    unreadable: int
