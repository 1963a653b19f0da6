"""How a job stands with RQ, in words: where it waits and for what, who runs it, how it ended. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote

from rq.utils import utcparse

from rq_scheduler.client.schedules.explain.evidence import JobEvidence
from rq_scheduler.client.schedules.explain.explanation import Cause, Fact, Remedy
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.clock import from_us
from rq_scheduler.humanize import counted, length
from rq_scheduler.store.traces import QueueTrace

__all__ = ["JobState", "moment_of", "state_of"]


@dataclass(frozen=True, slots=True)
class JobState:
    """says: completes "which ..." and "it was handed off, and ...". fact: the same as a link of the chain."""

    cause: Cause
    says: str
    fact: Fact
    remedies: tuple[Remedy, ...] = ()


def state_of(evidence: JobEvidence, times: Times) -> JobState | None:
    """How the job stands; None where RQ has nothing of it."""
    job, status = evidence.job, evidence.job.status
    if not status:
        return None
    if status == "queued":
        return _queued(evidence, times)
    if status == "started":
        return _started(evidence, times)
    if status in {"finished", "failed", "stopped", "canceled"}:
        return _ended(evidence, times)
    if status == "deferred":
        return _deferred(evidence)
    if status == "scheduled" and job.retried_at is not None:
        at = from_us(job.retried_at)
        says = f"has failed, and is tried again {times.on(at)}"
        return _open("retrying", says, Fact("end", f"It has failed, and is tried again {times.on(at)}", None, at))
    if status in {"rate_limited", "ready_to_enqueue"}:
        says = "waits for its rate limit"
        return _open("rate_limited", says, Fact("worker", "It waits for a slot of its rate limit", None))
    if job.via_rq or status == "scheduled":
        says = "waits for a dispatcher to have RQ enqueue it"
        return _open("not_handed_off", says, Fact("hand_off", "It waits for a dispatcher to have RQ enqueue it", None))
    return None


def _open(cause: Cause, says: str, fact: Fact) -> JobState:
    return JobState(cause, says, fact)


def _queued(evidence: JobEvidence, times: Times) -> JobState:
    job, queue = evidence.job, evidence.queue or QueueTrace(evidence.job.queue, 0, ())
    name = repr(queue.name)
    if job.is_taken:
        return _open("running", "has just been taken by a worker", Fact("worker", "A worker has just taken it", None))
    if job.place is None and queue.length < 100_000:
        says = f"is queued in word only: {name} does not list it, so that queue was emptied or deleted"
        return JobState("deleted", says, Fact("worker", f"The queue {name} does not list it any more", False))
    behind = f", number {job.place + 1:,} of {queue.length:,}" if job.place is not None and queue.length > 1 else ""
    if queue.is_suspended:
        says = f"waits in {name}{behind}, while all workers are suspended"
        remedy = Remedy("Let the workers go on", "rq resume")
        return JobState("suspended", says, Fact("worker", "All workers are suspended (rq suspend)", False), (remedy,))
    if not queue.workers:
        says = f"waits in {name}{behind}, where no worker listens"
        remedy = Remedy("Start a worker", f"rq worker {quote(queue.name)}")
        fact = Fact("worker", f"It waits in {name}{behind}, and no worker listens there", False)
        return JobState("no_worker", says, fact, (remedy,))
    busy = counted(len(queue.workers), "worker listens", "workers listen")
    says = f"waits in {name}{behind}, where {busy}"
    return _open("queued", says, Fact("worker", f"It waits in {name}{behind}; {busy}", None))


def _started(evidence: JobEvidence, times: Times) -> JobState:
    job = evidence.job
    since = moment_of(job.fields.get("started_at", ""))
    on = f" on worker {job.fields['worker_name']}" if job.fields.get("worker_name") else ""
    begun = "" if since is None else f" since {times.short(since)} ({times.until(since)})"
    who = job.fields.get("worker_name", "")
    if not job.is_alive:
        says = f"was started{begun.replace(' since ', ' at ')}{on}, which has given no sign of life lately"
        fact = Fact("end", "Its worker gives no sign of life: it was killed, or its host is away", False, since, who)
        return JobState("lost", says, fact)
    says = f"has been running{begun}{on}"
    remedy = Remedy("Stop it", "", f"rq.command.send_stop_job_command(connection, {job.id!r})")
    return JobState("running", says, Fact("end", f"It has been running{begun}", None, since, who), (remedy,))


def _ended(evidence: JobEvidence, times: Times) -> JobState:
    job = evidence.job
    started, ended = (moment_of(job.fields.get(name, "")) for name in ("started_at", "ended_at"))
    who = job.fields.get("worker_name", "")
    if ended is None:
        at = ""
    elif started is None:
        at = f" {times.on(ended)}"
    else:
        at = f" {times.on(ended)}, after {took(ended - started)}"
    on = f" on worker {who}" if who else ""
    if job.status == "finished":
        fact = Fact("end", f"It finished{at}", True, ended, who)
        return JobState("finished", f"finished{at}{on}", fact)
    cause: Cause = "failed" if job.status == "failed" else "stopped" if job.status == "stopped" else "canceled"
    verb = {"failed": "failed", "stopped": "was stopped", "canceled": "was canceled"}[cause]
    again = Remedy("Run it again", f"rq requeue {quote(job.id)} --queue {quote(job.queue)}")
    fact = Fact("end", f"It {verb}{at}", False, ended, who)
    return JobState(cause, f"{verb}{at}{on}", fact, (again,) if cause == "failed" else ())


def _deferred(evidence: JobEvidence) -> JobState:
    first, *others = evidence.job.dependencies or ("",)
    more = f" and {len(others)} more" if others else ""
    what = f"job {first}{more}, which it depends on" if first else "jobs that it depends on"
    return _open("deferred", f"waits for {what}", Fact("worker", f"It waits for {what}", None))


def took(delta: timedelta) -> str:
    """A run time, as fine as it matters."""
    return length(delta, coarse=delta >= timedelta(seconds=10))


def moment_of(stamp: str) -> datetime | None:
    """One of RQ's timestamps; None for what is none."""
    try:
        return utcparse(stamp) if stamp else None
    except ValueError:
        return None
