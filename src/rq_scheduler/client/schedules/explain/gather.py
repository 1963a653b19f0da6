"""Reads what is needed to explain an instant of a schedule, or a job; in some round trips, however much is stored.

Judges nothing: which instant is meant, and what follows, is for the pure modules beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from rq_scheduler.client.audit import entry_of
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.client.fleet import Fleet
from rq_scheduler.client.schedules.explain.asked import resolve
from rq_scheduler.client.schedules.explain.audited import Audited, definitions_of, pauses_of
from rq_scheduler.client.schedules.explain.case import Case
from rq_scheduler.client.schedules.explain.evidence import AskedTime, Evidence, Held, JobEvidence, LeftWorker
from rq_scheduler.client.schedules.explain.explanation import Explanation
from rq_scheduler.client.schedules.explain.one_offs import JobQuestion, explain_job
from rq_scheduler.client.schedules.explain.verdict import explain
from rq_scheduler.client.schedules.results import Run, StoredSchedule, run_of_list, runs_of
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store import Store
from rq_scheduler.store.base import MOST
from rq_scheduler.store.schedules import Stored
from rq_scheduler.store.settling import RunError
from rq_scheduler.store.traces import JobTrace

__all__ = ["explained"]

MAX_AUDITED = 10_000
"""Entries of the audit, the newest ones, among which those of the id are looked for."""


MAX_NOT_RUN = 10_000
"""Lines of what did not run, the newest ones, among which those of the schedule are looked for."""


class _Gatherer:
    """Reads for one question, at the server's time `now` (microseconds)."""

    def __init__(self, context: SchedulerContext, now: int, reader: tzinfo | None) -> None:
        self._store: Store = context.store
        self._fleet = Fleet(context)
        self._now = now
        self._reader = reader

    def explain_schedule(
        self, schedule: StoredSchedule, runs: list[Run], asked: AskedTime, job_id: str = ""
    ) -> Explanation:
        """Why the schedule ran, or did not, at the time that is asked about, or as this job."""
        service = self._store.service_trace(schedule.id, self._now)
        evidence = Evidence(
            schedule=schedule,
            now=from_us(self._now),
            asked=asked,
            reader=self._reader,
            runs=tuple(runs),
            keeps=50 if schedule.spec is None else schedule.spec.keep_runs,
            definitions=definitions_of(schedule, self._store.read_versions(schedule.id)[1]),
            held=self._held(schedule.id),
            dispatchers=service.dispatchers,
            lock_holder=service.lock_holder,
            buffered=tuple(map(from_us, service.buffered)),
            job_id=job_id,
        )
        found = resolve(evidence)
        case = Case(evidence, found)
        if case.line is None and case.is_past:
            not_run = self._not_run(schedule.id, case.at)
            if not_run:  # it may have been decided since the history was read
                runs = self.runs(schedule.id, schedule.kind)
            evidence = replace(evidence, runs=(*runs, *not_run))
            case = Case(evidence, found)
        run = holder = None
        line = case.line
        if schedule.kind != "job" if line is None else line.status is not None:
            run = self._job(case.job_id, line)
        elif line is not None and line.end is not None:
            run = JobEvidence(JobTrace(case.job_id, {}), line=line)  # its job id speaks for a later run now
        held_up_by = None if case.line is None else case.line.held_up_by
        if case.at in evidence.buffered:
            held_up_by = next((each.job_id for each in runs if each.job_id and each.end is None), None)
        if held_up_by is not None:
            holder = self._job(held_up_by, next((each for each in runs if each.job_id == held_up_by), None))
        until = from_us(self._now) if case.line is None else case.line.handed_off_at
        outages = self._fleet.outages(min(case.at, until), until) if case.is_past else []
        audited = self._audited(schedule.id, schedule.created_at, case.job_id)
        complete = replace(
            evidence,
            pauses=pauses_of(schedule, audited),
            pauses_since=audited.since,
            pauses_among=audited.among,
            outages=tuple(outages),
            run=run,
            holder=holder,
            stopped_by=next((entry.actor for entry in audited.entries if entry.action == "stopped"), ""),
            by_hand={entry.details["job"]: entry.actor for entry in audited.entries if "job" in entry.details},
            seen=tuple(self._fleet.dispatchers()) if outages else (),
        )
        return explain(complete, found)

    def explain_job(self, id: str) -> Explanation:
        """Why a job that is no run of a schedule ran, or did not."""
        service = self._store.service_trace(id, self._now)
        asked = JobQuestion(
            job=self._job(id),
            now=from_us(self._now),
            reader=self._reader,
            held=self._held(id),
            dispatchers=service.dispatchers,
            lock_holder=service.lock_holder,
            audited=self._audited(id, None).entries,
        )
        return explain_job(asked)

    def _job(self, id: str, line: Run | None = None) -> JobEvidence:
        job = self._store.job_trace(id, self._now)
        if job.status == "failed" and (line is None or line.end is None):
            return JobEvidence(job, line=line, error=self._error(id))
        if job.status != "queued":
            return JobEvidence(job, line=line)
        queue = self._store.queue_trace(job.queue)
        return JobEvidence(job, queue, line, None if queue.workers else self._left(job.queue))

    def runs(self, id: str, kind: str) -> list[Run]:
        """Its history."""
        return runs_of(self._store.read_runs(id, MOST)[2], self._now, kind)

    def _not_run(self, id: str, at: datetime) -> list[Run]:
        """What was skipped or missed then, by the list of that: it reaches back further than the history of a schedule
        that fires often."""
        found = map(run_of_list, self._store.find_not_run(id, to_us(at), MAX_NOT_RUN))
        return [run for run in found if run is not None and run.nominal <= at <= run.until]

    def _error(self, id: str) -> RunError:
        from rq_scheduler.dispatcher.exceptions import failure_of  # too much for the start of every client

        found = failure_of(self._store.last_exception(id))
        return RunError(id, found.cause, found.place, found.message)

    def _left(self, queue: str) -> LeftWorker | None:
        """The last worker of a queue that went away."""
        seen = [(worker.last_heartbeat or worker.left, worker) for worker in self._fleet.workers()]
        gone = [(at, worker.name) for at, worker in seen if at is not None and worker.left and queue in worker.queues]
        at, name = max(gone, default=(None, ""))
        return None if at is None else LeftWorker(name, at)

    def _held(self, id: str) -> Held | None:
        held = self._store.held_entry(id)
        return None if held is None else Held(held.reason, None if held.at is None else from_us(held.at))

    def _audited(self, id: str, created: datetime | None, job_id: str = "") -> Audited:
        """What the audit says of this id, since it was made, and of this job."""
        first = None if created is None else to_us(created - timedelta(milliseconds=1))
        found = self._store.find_audited([each for each in (id, job_id) if each], first, MAX_AUDITED)
        own = list(map(entry_of, found.entries))
        if any(entry.action == "defined" for entry in own):
            return Audited(own, created)
        since = None if found.since is None else from_us(found.since)
        return Audited(own, since, MAX_AUDITED if found.is_cut else None)


def explained(
    context: SchedulerContext,
    view: Callable[[Stored], StoredSchedule],
    id: str,
    asked: AskedTime,
    reader: tzinfo | None,
) -> Explanation:
    """Why a schedule, a run or a single job of this id ran, or did not. Raises InvalidArgument for a time where the id
    is that of a job, which has but one."""
    run, store = parse_run_id(id), context.store
    for schedule_id in (id,) if run is None else (id, run.schedule_id):
        now, (stored,) = store.read_definitions([schedule_id])
        if stored is None:
            continue
        gatherer = _Gatherer(context, now, reader)
        runs = gatherer.runs(schedule_id, stored.kind)
        if run is None or schedule_id == id:
            return gatherer.explain_schedule(view(stored), runs, asked)
        _no_time_of_a_job(id, asked)
        return gatherer.explain_schedule(view(stored), runs, run.nominal, id)
    found = _Gatherer(context, store.server_time(), reader).explain_job(id)
    if found.cause not in {"deleted_schedule", "not_recorded"}:
        _no_time_of_a_job(id, asked)
    return found


def _no_time_of_a_job(id: str, asked: AskedTime) -> None:
    if asked is not None:
        raise InvalidArgument(f"at={asked!r}: {id!r} is no schedule, and a job has but one time, so leave that out")
