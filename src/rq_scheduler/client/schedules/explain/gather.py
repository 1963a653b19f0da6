"""Reads what is needed to explain an instant of a schedule, or a job; in a few round trips, whatever is stored.

Judges nothing: which instant is meant, and what follows, is for the pure modules beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import tzinfo

from rq_scheduler.client.schedules.explain.asked import resolve
from rq_scheduler.client.schedules.explain.case import Case, holder_of
from rq_scheduler.client.schedules.explain.evidence import (
    AskedTime,
    Definition,
    Evidence,
    Held,
    JobEvidence,
    Pause,
)
from rq_scheduler.client.schedules.explain.explanation import Explanation
from rq_scheduler.client.schedules.explain.one_offs import JobQuestion, explain_job
from rq_scheduler.client.schedules.explain.verdict import explain
from rq_scheduler.client.schedules.results import Run, StoredSchedule, runs_of
from rq_scheduler.clock import from_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store import Store
from rq_scheduler.store.base import MOST
from rq_scheduler.store.history import LENGTH
from rq_scheduler.store.schedules import Stored

__all__ = ["explained"]


def explained(
    store: Store, view: Callable[[Stored], StoredSchedule], id: str, asked: AskedTime, reader: tzinfo | None
) -> Explanation:
    """Why a schedule, a run or a single job of this id ran, or did not. Raises InvalidArgument for a time where the id
    is that of a job, which has but one."""
    run = parse_run_id(id)
    for schedule_id in (id,) if run is None else (id, run.schedule_id):
        now, (stored,) = store.read_definitions([schedule_id])
        if stored is None:
            continue
        _, _, rows = store.read_runs(schedule_id, MOST)
        runs = runs_of(rows, now, stored.kind)
        if run is None or schedule_id == id:
            return _explain_schedule(store, view(stored), runs, now, asked, reader)
        _no_time_of_a_job(id, asked)
        return _explain_schedule(store, view(stored), runs, now, run.nominal, reader, id)
    _no_time_of_a_job(id, asked)
    return _explain_single(store, id, store.server_time(), reader)


def _no_time_of_a_job(id: str, asked: AskedTime) -> None:
    if asked is not None:
        raise InvalidArgument(f"at={asked!r}: {id!r} is no schedule, and a job has but one time, so leave that out")


def _explain_schedule(
    store: Store,
    schedule: StoredSchedule,
    runs: Sequence[Run],
    now: int,
    asked: AskedTime,
    reader: tzinfo | None,
    job_id: str = "",
) -> Explanation:
    """Why the schedule ran, or did not, at the time that is asked about, or as this job. `now`: the server's time, in
    microseconds."""
    service = store.service_trace(schedule.id, now)
    evidence = Evidence(
        schedule=schedule,
        now=from_us(now),
        asked=asked,
        reader=reader,
        runs=tuple(runs),
        keeps=LENGTH,
        definitions=(Definition(schedule.spec, schedule.version, schedule.updated_at),),
        pauses=_pauses(schedule),
        held=_held(store, schedule.id),
        dispatchers=service.dispatchers,
        lock_holder=service.lock_holder,
        buffered=tuple(map(from_us, service.buffered)),
        job_id=job_id,
    )
    found = resolve(evidence)
    case = Case(evidence, found)
    run = holder = None
    # A job id that is used again speaks for its last run alone.
    if case.line.status is not None if case.line is not None else schedule.kind != "job":
        run = _job(store, case.job_id, now)
    if case.line is not None and case.line.outcome == "skipped":
        holder_id = holder_of(evidence, case.line)
        holder = None if holder_id is None else _job(store, holder_id, now)
    return explain(replace(evidence, run=run, holder=holder), found)


def _explain_single(store: Store, id: str, now: int, reader: tzinfo | None) -> Explanation:
    """Why a job that is no run of a schedule ran, or did not."""
    service = store.service_trace(id, now)
    asked = JobQuestion(
        job=_job(store, id, now),
        now=from_us(now),
        reader=reader,
        held=_held(store, id),
        dispatchers=service.dispatchers,
        lock_holder=service.lock_holder,
    )
    return explain_job(asked)


def _pauses(schedule: StoredSchedule) -> tuple[Pause, ...]:
    if not schedule.paused:
        return ()
    return (Pause(schedule.paused_at, ends_at=schedule.paused_until, by=schedule.paused_by or "", note=schedule.note),)


def _job(store: Store, id: str, now: int) -> JobEvidence:
    job = store.job_trace(id, now)
    return JobEvidence(job, store.queue_trace(job.queue) if job.status == "queued" else None)


def _held(store: Store, id: str) -> Held | None:
    held = store.held_entry(id)
    return None if held is None else Held(held.reason, None if held.at is None else from_us(held.at))
