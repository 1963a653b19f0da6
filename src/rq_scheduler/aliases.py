"""The types of the public API that are no classes: the words that options take and answers give, and what may stand for
a length of time, a function, a dependency.

Each is written here once, for checkers and for the code that refuses other values. RQ is imported for checkers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

__all__ = [
    "Args",
    "AuditAction",
    "CallbackLike",
    "Catchup",
    "DayMatch",
    "DependsOn",
    "DurationLike",
    "End",
    "EnqueueItem",
    "EntryKind",
    "EventKind",
    "Excluded",
    "Fsync",
    "Function",
    "FunctionOrTask",
    "HandOffKind",
    "JobOverlap",
    "JobStatus",
    "NotRunReason",
    "Outcome",
    "Overlap",
    "QuarantineCode",
    "RateLimitLike",
    "RetryLike",
    "RqOverdue",
    "RunKind",
    "ScheduleKind",
    "ScheduleState",
    "SerializerLike",
    "Tags",
    "TaskLike",
    "Until",
    "Webhooks",
]

# Words that callers give

Overlap: TypeAlias = Literal["skip", "allow", "buffer_one", "buffer_all", "replace"]
"""What happens while the last run is still going."""

JobOverlap: TypeAlias = Literal["skip", "buffer_one"]
"""The same for recurring jobs of the 0.14 API: one job id cannot run twice at once."""

Catchup: TypeAlias = Literal["latest", "all", "none"]
"""Which of the runs that were missed still run."""

Excluded: TypeAlias = Literal["skip", "next_day", "previous_day"]
"""What becomes of an instant on an excluded day: no run, or one at the same time of the nearest other day."""

DayMatch: TypeAlias = Literal["either", "both"]
"""Whether a cron string's two day fields, both restricted, name the days of either or of both."""

RqOverdue: TypeAlias = Literal["run", "hold"]
"""What becomes of RQ's own scheduled jobs that are long overdue when their queue is first served."""

Fsync: TypeAlias = Literal["always", "everysec", "no"]
"""When Redis brings its log to the disk (`appendfsync`)."""

# Words that answers give

ScheduleKind: TypeAlias = Literal["schedule", "job"]
"""A schedule that was put, or a recurring job of the 0.14 API."""

RunKind: TypeAlias = Literal["scheduled", "manual", "backfill"]
"""Why a run was made."""

HandOffKind: TypeAlias = Literal["one-off", "recurring", "scheduled", "manual", "backfill", "rq"]
"""What was handed off: a job with one due time, a recurring job of the 0.14 API, a run of a schedule, by its kind, or
one of RQ's own scheduled jobs."""

NotRunReason: TypeAlias = Literal["skipped", "missed", "quarantined"]
"""Why what was due was not handed off: the run before was still going; its time passed without a dispatcher, or without
a plan; nothing can serve it."""

Outcome: TypeAlias = Literal["enqueued", "skipped", "missed", "manual", "backfill", "failed"]
"""What became of a nominal time, as the history has it."""

End: TypeAlias = Literal["finished", "failed", "stopped", "canceled", "expired", "deleted", "lost", "unknown"]
"""How a run ended: RQ's words, and ours for one whose `ttl` passed in its queue (expired), that was gone while it
waited (deleted), whose worker died without a verdict from RQ (lost), or of which nobody saw it in time (unknown)."""

ScheduleState: TypeAlias = Literal["failing", "late", "running"]
"""Whether the last run of a schedule failed, none has succeeded in the time that it expects, or one is going on."""

JobStatus: TypeAlias = Literal[
    "created",
    "queued",
    "started",
    "finished",
    "failed",
    "deferred",
    "scheduled",
    "stopped",
    "canceled",
    "rate_limited",
    "ready_to_enqueue",
    "expired",
]
"""RQ's words for the state of a job, and "expired" for one that RQ no longer has."""

EntryKind: TypeAlias = Literal[
    "one-off", "recurring job", "schedule", "run of a schedule", "rq's scheduled job", "unknown"
]
"""What an entry in quarantine was before."""

QuarantineCode: TypeAlias = Literal[
    "job_gone",
    "job_damaged",
    "id_refused",
    "id_taken",
    "queue_unnamed",
    "template_gone",
    "wrong_type",
    "unplannable",
    "unreadable",
    "not_adopted",
    "other",
]
"""Why an entry is in quarantine, in a word that does not change."""

AuditAction: TypeAlias = Literal[
    "defined",
    "changed",
    "renamed",
    "deleted",
    "paused",
    "resumed",
    "run_now",
    "backfilled",
    "undone",
    "retried",
    "purged",
    "cancelled",
    "moved",
    "stopped",
    "jobs_moved",
    "token_made",
    "token_revoked",
]
"""What people and programs do, as the audit has it."""

EventKind: TypeAlias = Literal[
    "failing_began",
    "failing",
    "recovered",
    "skipping_began",
    "skipping_ended",
    "missed",
    "overdue",
    "met",
    "paused_for_failures",
    "quarantined",
    "adopted",
    "dispatcher_started",
    "dispatcher_left",
    "dispatcher_died",
    "outage",
    "lock_held",
    "unserved_began",
    "unserved_ended",
    "logins_refused",
]
"""What happens by itself, as the events have it."""

# What may be given for one thing

DurationLike: TypeAlias = float | timedelta | str
"""A length of time: seconds, a timedelta, or RQ's text such as "10m"."""

Until: TypeAlias = datetime | timedelta | float
"""A moment: a datetime (naive means UTC), a timedelta from now, or unix seconds."""

Function: TypeAlias = Callable[..., Any] | str
"""A function, or the dotted name under which a worker imports it."""


class TaskLike(Protocol):
    """A Task of Django's: what `@task` makes of a function."""

    @property
    def func(self) -> Callable[..., Any]: ...
    @property
    def module_path(self) -> str: ...


FunctionOrTask: TypeAlias = Function | TaskLike
"""A function, its dotted name, or a Task of Django's (`django.tasks`, or its backport)."""

Args: TypeAlias = list[Any] | tuple[Any, ...]
"""Positional arguments of a call. A text is a sequence too, and none."""

Tags: TypeAlias = list[str] | tuple[str, ...]
"""Words to find a schedule by."""

if TYPE_CHECKING:
    from rq import Callback, RateLimit, Retry, Webhook
    from rq.job import Dependency, Job
    from rq.queue import EnqueueData
    from rq.serializers import Serializer

    DependsOn: TypeAlias = Dependency | Job | str | Iterable[Dependency | Job | str]
    """Jobs, or their ids, that have to be done first."""

    CallbackLike: TypeAlias = Callback | Callable[..., Any] | str
    """What RQ calls when a job has ended: a function, its dotted name, or an rq.Callback."""

    RetryLike: TypeAlias = Retry | int
    """How often a failed run is tried again."""

    Webhooks: TypeAlias = Sequence[Webhook | Mapping[str, Any]]
    """RQ 3's webhooks, or their fields."""

    RateLimitLike: TypeAlias = RateLimit | Mapping[str, Any]
    """RQ 3's rate limit, or its fields."""

    SerializerLike: TypeAlias = Serializer | str
    """What writes and reads arguments (a class with static methods, or an object), or its dotted path."""

    EnqueueItem: TypeAlias = (
        tuple[datetime | timedelta, Function]
        | tuple[datetime | timedelta, Function, Args | None]
        | tuple[datetime | timedelta, Function, Args | None, Mapping[str, Any] | None]
        | tuple[datetime | timedelta, EnqueueData]
    )
    """One job of `enqueue_many`: when (a naive datetime means UTC, a timedelta counts from now), and what."""
else:
    DependsOn = CallbackLike = RetryLike = Webhooks = RateLimitLike = SerializerLike = EnqueueItem = Any
