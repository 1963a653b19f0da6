"""Why a job that is no run of a schedule ran, or did not: told from what stands of it in Redis, since nothing is
recorded of single jobs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from shlex import quote
from typing import Final

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.schedules.explain.evidence import Held, JobEvidence
from rq_scheduler.client.schedules.explain.explanation import Cause, Explanation, Fact, Remedy
from rq_scheduler.client.schedules.explain.jobs import JobState, state_of
from rq_scheduler.client.schedules.explain.serving import START_ONE, lock_words
from rq_scheduler.client.schedules.explain.times import Times, zone_label
from rq_scheduler.clock import from_us

__all__ = ["JobQuestion", "explain_job"]


@dataclass(frozen=True, slots=True)
class JobQuestion:
    """What is known of the job, and who would hand it off. `now` is the server's time; audited: what was done to it,
    newest first."""

    job: JobEvidence
    now: datetime
    reader: tzinfo | None
    held: Held | None
    dispatchers: tuple[str, ...]
    lock_holder: str
    audited: Sequence[AuditEntry] = ()


_DONE: Final[dict[str, tuple[Cause, str]]] = {
    "deleted": ("deleted_schedule", "was deleted"),
    "cancelled": ("canceled", "was cancelled"),
    "purged": ("deleted", "was purged from quarantine"),
}


def explain_job(asked: JobQuestion) -> Explanation:
    """Why it ran, or did not."""
    job, id = asked.job.job, asked.job.job.id
    planned = job.due if job.due is not None else job.parked_due
    at = None if planned is None else from_us(planned)
    times = Times(zone_label(asked.reader or UTC), at or asked.now, asked.now)

    def answer(cause: Cause, says: str, fact: Fact, *remedies: Remedy) -> Explanation:
        return Explanation(id, at, cause, f"Job {id} {says}.", "", (fact,), remedies, times.name)

    if asked.held is not None:
        held = asked.held
        since = "" if held.at is None else f" {times.on(held.at)}"
        retry = Remedy(
            "Once that is mended, put it back",
            f"rqscheduler quarantine retry {quote(id)}",
            f"scheduler.quarantine.retry({id!r})",
        )
        fact = Fact("hand_off", f"It is in quarantine: {held.reason}", False, held.at)
        return answer("quarantined", f"was put into quarantine{since}: {held.reason}", fact, retry)
    if at is not None and job.due is None:
        state = state_of(asked.job, times)
        going = "" if state is None else f", which {state.says}"
        says = f"is due at {times.full(at)}, and waits until RQ's job of the same id has ended{going}"
        fact = Fact("overlap", "RQ still has an earlier job of its id", None, at)
        return answer("parked", says, fact, *(() if state is None else state.remedies))
    if at is not None and at > asked.now:
        away = f"is due at {times.full(at)}, in {times.until(at)}"
        fact = Fact("trigger", f"That is in {times.until(at)}", None, at)
        if asked.dispatchers:
            return answer("not_yet", away, fact)
        return answer("not_yet", f"{away}, and as things stand will wait then: no dispatcher is alive", fact, START_ONE)
    if at is not None:
        why, remedies = lock_words(asked.dispatchers, asked.lock_holder)
        says = f"was due at {times.full(at)}, {times.until(at)} ago, and has not been handed off: {why}"
        return answer(
            "not_handed_off", says, Fact("hand_off", f"Nobody has handed it off: {why}", False, at), *remedies
        )
    state = state_of(asked.job, times)
    if state is not None:
        says, fact = _by_whom(asked, state, times)
        return answer(state.cause, says, fact, *state.remedies)
    last = next((entry for entry in asked.audited if entry.action in _DONE), None)
    if last is not None:
        cause, what = _DONE[last.action]
        by = f" by {last.actor}" if last.actor else ""
        fact = Fact("definition", f"It {what}", False, last.at, last.actor)
        kind = "Schedule" if cause == "deleted_schedule" else "Job"
        sentence = f"{kind} {id} {what} at {times.full(last.at)}{by}."
        return Explanation(id, at, cause, sentence, "", (fact,), (), times.name)
    says = (
        "is not known: it waits for no time, and RQ has no such job. Nothing else is kept of single jobs: RQ forgets "
        "one that has finished after its result_ttl (500 s unless it names another), and at once one that was deleted"
    )
    return answer("not_recorded", says, Fact("end", "RQ has no such job", None, None, "", "unknown"))


def _by_whom(asked: JobQuestion, state: JobState, times: Times) -> tuple[str, Fact]:
    """What is said of how it stands; of one that was canceled or stopped by whom and when, where the audit knows."""
    action = {"canceled": ("cancelled", "stopped"), "stopped": ("stopped",)}.get(state.cause, ())
    entry = next((one for one in asked.audited if one.action in action), None)
    if entry is None:
        return state.says, state.fact
    at = state.fact.at or entry.at
    by = f" by {entry.actor}" if entry.actor else ""
    when = "" if state.fact.at is not None else f" {times.on(at.replace(microsecond=0))}"
    return f"{state.says}{when}{by}", replace(state.fact, at=at, who=entry.actor)
