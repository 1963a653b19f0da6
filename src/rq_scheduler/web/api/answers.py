"""The types of what `views` shows as JSON, for the document: a test holds them against what is really answered.

Moments are ISO 8601 in UTC, to the microsecond; lengths of time are seconds.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rq_scheduler.aliases import (
    AuditAction,
    End,
    EntryKind,
    EventKind,
    JobStatus,
    Outcome,
    QuarantineCode,
    ScheduleKind,
)
from rq_scheduler.client.tokens import Role


class _Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


Moment = str


class ScheduleAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule: definition and state. `version` is its ETag."""

    id: str
    kind: ScheduleKind
    trigger: dict[str, Any] | None
    policies: dict[str, Any] | None
    func: str
    call: str
    queue_name: str
    tags: list[str]
    owner: str
    next_run_at: Moment | None
    next_run_after_pause: Moment | None
    last_run_at: Moment | None
    last_status: JobStatus | None
    paused: bool
    paused_at: Moment | None
    paused_by: str
    paused_until: Moment | None
    note: str
    finished: bool
    runs: int
    skipped: int
    missed: int
    version: int
    created_at: Moment | None
    updated_at: Moment | None
    succeeded: int
    failed: int
    failed_in_a_row: int
    last_success_at: Moment | None
    last_failure_at: Moment | None
    mean_duration_seconds: float | None
    last_outcomes: str
    overdue_since: Moment | None
    cannot_run: bool


class SchedulePage(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of schedules; `next` is the cursor of the following one."""

    schedules: list[ScheduleAnswer]
    next: str | None


class EarlierEnd(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An end that RQ took back."""

    end: End
    at: Moment


class RunAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a schedule's history."""

    outcome: Outcome
    nominal: Moment
    until: Moment
    count: int
    at_least: bool
    due: Moment
    handed_off_at: Moment
    lateness_seconds: float | None
    job_id: str | None
    status: JobStatus | None
    started_at: Moment | None
    ended_at: Moment | None
    duration_seconds: float | None
    result_age_seconds: float | None
    end: End | None
    attempts: int
    worker: str | None
    dispatcher: str | None
    error: str | None
    error_at: str | None
    cause: str | None
    earlier_ends: list[EarlierEnd]
    held_up_by: str | None


class RunList(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last runs of a schedule, newest first."""

    schedule_id: str
    runs: list[RunAnswer]


class MadeRun(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request for a run came to: its job's id, or null where overlap kept it from running now."""

    schedule_id: str
    job_id: str | None


class MadeRuns(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The jobs that a backfill has made, oldest first."""

    schedule_id: str
    since: Moment
    until: Moment
    job_ids: list[str]


class ComingRun(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run to come of a schedule, or a one-off."""

    schedule_id: str | None
    job_id: str | None
    nominal: Moment
    due: Moment


class ComingRuns(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes next, in due order."""

    upcoming: list[ComingRun]


class Instants(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a schedule is due, jitter and exclusions included."""

    upcoming: list[Moment]


class FactAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact behind a verdict. `holds` is null where that is open, or not known."""

    step: str
    what: str
    holds: bool | None
    at: Moment | None
    who: str
    standing: str


class RemedyAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do about it."""

    what: str
    command: str
    call: str


class ExplanationAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something ran, or did not."""

    id: str
    at: Moment | None
    timezone: str
    cause: str
    sentence: str
    otherwise: str
    facts: list[FactAnswer]
    remedies: list[RemedyAnswer]


class VersionAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A definition that a schedule has, or had."""

    version: int
    since: Moment | None
    until: Moment | None
    actor: str
    changes: dict[str, list[str]]
    func: str
    call: str
    queue_name: str
    owner: str
    tags: list[str]
    restorable: bool


class VersionList(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The definitions of a schedule, newest first."""

    schedule_id: str
    versions: list[VersionAnswer]


class JobAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that waits for its time."""

    id: str
    due: Moment
    call: str
    queue_name: str
    recurs: bool
    created_at: Moment | None


class JobPage(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of pending jobs, in due order."""

    jobs: list[JobAnswer]
    next: str | None


class Traceback(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With what the last run of a job ended."""

    job_id: str
    traceback: str


class Done(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done to one thing."""

    id: str
    done: str


class MovedJobs(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many jobs went from the queue `id` to the queue `to`."""

    id: str
    to: str
    moved: int


class Count(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many were changed, or would be (`dry_run`)."""

    count: int
    dry_run: bool


class HeldAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry in quarantine."""

    id: str
    kind: EntryKind
    code: QuarantineCode
    reason: str
    at: Moment | None
    due: Moment | None
    queue_name: str | None


class HeldPage(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some of what is in quarantine, and how many there are."""

    quarantine: list[HeldAnswer]
    total: int


class EventAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened."""

    place: str
    at: Moment
    kind: EventKind
    id: str
    text: str
    details: dict[str, str]


class EventPage(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of events, newest first."""

    events: list[EventAnswer]
    next: str | None


class AuditAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that somebody did."""

    place: str
    at: Moment
    action: AuditAction
    id: str
    actor: str
    text: str
    changes: dict[str, list[str]]
    details: dict[str, str]


class AuditPage(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of the audit, newest first."""

    audit: list[AuditAnswer]
    next: str | None


class ProblemAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that needs a person. `queue`: the one that it is about, if so."""

    code: str
    text: str
    command: str
    queue: str


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand."""

    now: Moment
    healthy: bool
    problems: list[ProblemAnswer]
    notices: list[str]
    redis: dict[str, Any]
    dispatchers: list[dict[str, Any]]
    rq_crons: list[dict[str, Any]]
    schedules: int
    paused: int
    one_offs: int
    due_now: int
    buffered: int
    parked: dict[str, Any]
    via_rq: int
    quarantined: int
    fence: dict[str, Any] | None
    next: dict[str, Any] | None
    queues: list[dict[str, Any]]


class VisitorAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks, and what may be changed."""

    actor: str
    role: Role
    read_only: bool


class HealthAnswer(_Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether this process serves."""

    status: str
