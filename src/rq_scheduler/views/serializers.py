"""The API's objects as JSON, for programs: stable names, ISO 8601 in UTC to the microsecond, lengths in seconds. Pure.

A key that is here stays here, and is there whatever its value. Arguments are never unpickled: `call` is their text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rq_scheduler import serialization
from rq_scheduler.client.pending import PendingJob
from rq_scheduler.client.quarantine import Quarantined
from rq_scheduler.client.schedules import LeftOut, Run, StoredSchedule, SyncResult, UpcomingRun, Version
from rq_scheduler.model import Spec
from rq_scheduler.views.pages import Page

__all__ = [
    "iso",
    "left_out",
    "page",
    "quarantined",
    "run",
    "schedule",
    "seconds",
    "sync",
    "upcoming",
    "version",
]

_POLICIES = tuple(name for name in Spec.__struct_fields__ if name != "trigger")


def iso(at: datetime | None) -> str | None:
    """`2026-11-24T22:32:42.000000Z`."""
    if at is None:
        return None
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def seconds(delta: timedelta | None) -> float | None:
    """A length of time in seconds."""
    return None if delta is None else delta.total_seconds()


def _plain(value: Any) -> Any:
    """As it is stored, down to lists: `to_builtins` leaves tuples."""
    return json.loads(serialization.encode(value))


def schedule(stored: StoredSchedule) -> dict[str, Any]:
    """A schedule: definition and state. `trigger` and `policies` have the form that files have; they are null for one
    that a newer version wrote."""
    spec = stored.spec
    return {
        "id": stored.id,
        "kind": stored.kind,
        "trigger": None if spec is None else _plain(spec.trigger),
        "policies": None if spec is None else {name: _plain(getattr(spec, name)) for name in _POLICIES},
        "func": stored.func,
        "call": stored.call,
        "queue_name": stored.queue_name,
        "tags": list(stored.tags),
        "owner": stored.owner,
        "next_run_at": iso(stored.next_run_at),
        "next_run_after_pause": iso(stored.next_run_after_pause),
        "last_run_at": iso(stored.last_run_at),
        "last_status": stored.last_status,
        "paused": stored.paused,
        "paused_at": iso(stored.paused_at),
        "paused_by": stored.paused_by,
        "paused_until": iso(stored.paused_until),
        "note": stored.note,
        "finished": stored.finished,
        "runs": stored.runs,
        "skipped": stored.skipped,
        "missed": stored.missed,
        "version": stored.version,
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
        "succeeded": stored.succeeded,
        "failed": stored.failed,
        "failed_in_a_row": stored.failed_in_a_row,
        "last_success_at": iso(stored.last_success_at),
        "last_failure_at": iso(stored.last_failure_at),
        "mean_duration_seconds": seconds(stored.mean_duration),
        "last_outcomes": stored.last_outcomes,
        "overdue_since": iso(stored.overdue_since),
        "cannot_run": stored.cannot_run,
    }


def page(page: Page[StoredSchedule], offset: int) -> Iterator[tuple[str, Any]]:
    """A page of schedules, which are read as they are written."""
    yield "schedules", map(schedule, page)
    yield "offset", offset
    yield "more", page.more


def run(run: Run) -> dict[str, Any]:
    """One line of history."""
    return {
        "outcome": run.outcome,
        "nominal": iso(run.nominal),
        "until": iso(run.until),
        "count": run.count,
        "at_least": run.at_least,
        "due": iso(run.due),
        "handed_off_at": iso(run.handed_off_at),
        "lateness_seconds": seconds(run.lateness),
        "job_id": run.job_id,
        "status": run.status,
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at),
        "duration_seconds": seconds(run.duration),
        "result_age_seconds": seconds(run.result_age),
        "end": run.end,
        "attempts": run.attempts,
        "worker": run.worker,
        "dispatcher": run.dispatcher,
        "error": run.error,
        "error_at": run.error_at,
        "cause": run.cause,
        "earlier_ends": [{"end": end, "at": iso(at)} for end, at in run.earlier_ends],
        "held_up_by": run.held_up_by,
    }


def version(one: Version) -> dict[str, Any]:
    """A definition that a schedule has, or had."""
    return {
        "version": one.version,
        "since": iso(one.since),
        "until": iso(one.until),
        "actor": one.actor,
        "changes": {name: list(texts) for name, texts in one.changes.items()},
        "func": one.func,
        "call": one.call,
        "queue_name": one.queue_name,
        "owner": one.owner,
        "tags": list(one.tags),
        "restorable": one.restorable,
    }


def left_out(one: LeftOut) -> dict[str, Any]:
    """What the last pause of a schedule has left out."""
    return {
        "schedule_id": one.schedule_id,
        "since": iso(one.since),
        "until": iso(one.until),
        "count": one.count,
        "at_least": one.at_least,
        "first": iso(one.first),
    }


def upcoming(runs: Iterable[UpcomingRun | PendingJob]) -> dict[str, Any]:
    """What comes next: runs of schedules, and one-offs, which have a `job_id` and no schedule."""
    return {"upcoming": [_upcoming(run) for run in runs]}


def _upcoming(run: UpcomingRun | PendingJob) -> dict[str, Any]:
    if isinstance(run, PendingJob):
        return {"schedule_id": None, "job_id": run.id, "nominal": iso(run.due), "due": iso(run.due)}
    return {"schedule_id": run.schedule_id, "job_id": None, "nominal": iso(run.nominal), "due": iso(run.due)}


def sync(result: SyncResult, owner: str, dry_run: bool) -> dict[str, Any]:
    """What a sync did, or would do."""
    return {
        "owner": owner,
        "dry_run": dry_run,
        "added": list(result.added),
        "changed": list(result.changed),
        "removed": list(result.removed),
        "unchanged": list(result.unchanged),
        "renamed": [list(pair) for pair in result.renamed],
        "changes": {id: {name: list(pair) for name, pair in changes.items()} for id, changes in result.changes.items()},
        "taken_over": list(result.taken_over),
    }


def quarantined(one: Quarantined) -> dict[str, Any]:
    """An entry in quarantine."""
    return {
        "id": one.id,
        "kind": one.kind,
        "code": one.code,
        "reason": one.reason,
        "at": iso(one.at),
        "due": iso(one.due),
        "queue_name": one.queue,
    }
