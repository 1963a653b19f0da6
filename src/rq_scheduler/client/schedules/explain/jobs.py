"""How a job stands with RQ, in words: where it waits and for what, who runs it, how it ended. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote
from typing import Final

from rq.utils import utcparse

from rq_scheduler.aliases import End
from rq_scheduler.client.schedules.explain.evidence import JobEvidence
from rq_scheduler.client.schedules.explain.explanation import Cause, Fact, Remedy
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.client.schedules.results import Run
from rq_scheduler.clock import from_us
from rq_scheduler.humanize import counted, length
from rq_scheduler.store.traces import MAX_SEARCHED, JobTrace, QueueTrace

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
    if evidence.line is not None and evidence.line.end is not None:
        return _recorded(evidence.line, evidence.line.end, job, times)
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
        return _open(
            "running", "has been taken by a worker, and not begun yet", Fact("worker", "A worker has taken it", None)
        )
    if job.place is None and queue.length < MAX_SEARCHED:
        says = f"is queued in word only: {name} does not list it, so that queue was emptied or deleted"
        return JobState("deleted", says, Fact("worker", f"The queue {name} does not list it any more", False))
    behind = f", number {job.place + 1:,} of {queue.length:,}" if job.place is not None and queue.length > 1 else ""
    if queue.is_suspended:
        says = f"waits in {name}{behind}, while all workers are suspended"
        remedy = Remedy("Let the workers go on", "rq resume")
        return JobState("suspended", says, Fact("worker", "All workers are suspended (rq suspend)", False), (remedy,))
    if not queue.workers:
        left = evidence.left
        since = "" if left is None else f" since {times.short(left.at)}, when {left.name} left"
        says = f"waits in {name}{behind}, where no worker listens{since}"
        fact = Fact("worker", f"It waits in {name}{behind}, and no worker listens there{since}", False)
        start = Remedy("Start a worker", f"rq worker {quote(queue.name)}")
        move = Remedy(
            "Or have the workers of another queue do what waits there",
            f"rqscheduler jobs move-queue {quote(queue.name)} OTHER",
            f"scheduler.jobs.move_queue({queue.name!r}, 'OTHER')",
        )
        return JobState("no_worker", says, fact, (start, move))
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
    remedy = Remedy(
        "If the log of its worker says that it hangs, stop it",
        f"rqscheduler jobs stop {quote(job.id)}",
        f"scheduler.jobs.stop({job.id!r})",
    )
    return JobState("running", says, Fact("end", f"It has been running{begun}", None, since, who), (remedy,))


_VERBS: Final[dict[End, str]] = {
    "finished": "finished",
    "failed": "failed",
    "stopped": "was stopped",
    "canceled": "was canceled",
    "expired": "expired",
    "deleted": "was deleted",
    "lost": "was lost",
    "unknown": "ended unseen",
}

_WHY: Final[dict[End, str]] = {
    "expired": "its ttl had passed before a worker took it",
    "deleted": "it was gone before it had ended, by a person's hand or an emptied queue",
    "lost": "its worker died, and RQ has given no verdict",
    "unknown": "RQ had forgotten it before anybody looked, so how is not known",
}

_CAUSES: Final = {"worker-died": "its worker died", "timed-out": "it ran longer than its timeout"}


def _ended(evidence: JobEvidence, times: Times) -> JobState:
    """Of one that RQ still has, and nobody has recorded."""
    job = evidence.job
    started, ended = (moment_of(job.fields.get(name, "")) for name in ("started_at", "ended_at"))
    end: End = "failed" if job.status == "failed" else "stopped" if job.status == "stopped" else "canceled"
    end = "finished" if job.status == "finished" else end
    error = evidence.error
    why = "" if error is None else _why(end, error.cause, error.message, error.place)
    return _end(end, job, times, started, ended, job.fields.get("worker_name", ""), why)


def _recorded(run: Run, end: End, job: JobTrace, times: Times) -> JobState:
    attempt = f", at attempt {run.attempts}" if run.attempts > 1 else ""
    earlier = "".join(f"; before, it {_VERBS[was]} {times.on(at)}" for was, at in run.earlier_ends)
    why = attempt + _why(end, run.cause or "", run.error or "", run.error_at or "") + earlier
    return _end(end, job, times, run.started_at, run.ended_at, run.worker or "", why)


def why_ended(end: End, cause: str, error: str, place: str) -> str:
    """Why a run ended so: what RQ says, or its exception and where that was raised. Empty where that says nothing."""
    return _CAUSES.get(cause) or (f"{error} ({place})" if error and place else error) or _WHY.get(end, "")


def _why(end: End, cause: str, error: str, place: str) -> str:
    """The same, to go on with."""
    said = why_ended(end, cause, error, place)
    return f": {said}" if said else ""


def _end(
    end: End,
    job: JobTrace,
    times: Times,
    started: datetime | None,
    ended: datetime | None,
    worker: str,
    why: str,
) -> JobState:
    at = "" if ended is None else f" {times.on(ended)}"
    if started is not None and ended is not None:
        at += f", after {took(ended - started)}"
    on = f" on worker {worker}" if worker else ""
    verb = _VERBS[end]
    cause: Cause = "not_recorded" if end == "unknown" else end
    fact = Fact(
        "end", f"It {verb}{at}{why}", end == "finished", ended, worker, "unknown" if end == "unknown" else "recorded"
    )
    again: tuple[Remedy, ...] = ()
    if end == "failed" and job.status == "failed":
        again = (
            Remedy(
                "Read its traceback",
                f"rqscheduler jobs traceback {quote(job.id)}",
                f"scheduler.jobs.traceback({job.id!r})",
            ),
            Remedy("Once that is mended, run it again", f"rq requeue {quote(job.id)} --queue {quote(job.queue)}"),
        )
    return JobState(cause, f"{verb}{at}{on}{why}", fact, again)


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
