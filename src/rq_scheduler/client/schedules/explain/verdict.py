"""From the evidence to the explanation: the checks in their order, the first that the run did not get past, and the
sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from rq_scheduler.client.schedules.explain import serving, timing
from rq_scheduler.client.schedules.explain.asked import Asked
from rq_scheduler.client.schedules.explain.case import Case, Finding, Stop
from rq_scheduler.client.schedules.explain.evidence import Evidence
from rq_scheduler.client.schedules.explain.explanation import Explanation, Fact, Remedy
from rq_scheduler.client.schedules.explain.jobs import JobState, state_of
from rq_scheduler.humanize import length

__all__ = ["explain"]

Check = Callable[[Case], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    timing.definition,
    timing.trigger,
    timing.exclusion,
    timing.number_of_runs,
    timing.is_to_come,
    serving.pause,
    serving.dispatcher,
    serving.overlap,
    serving.hand_off,
)

FINAL = frozenset({"not_made", "not_an_instant", "before_start", "after_end", "max_runs", "not_recorded"})
"""After these, nothing else can have kept it from running."""

BESIDES = frozenset({"paused", "quarantined", "not_handed_off"})
"""What may be said of a run that something else has kept from running."""

MADE_UP_FOR = frozenset({"failed", "stopped", "canceled", "expired", "deleted", "lost", "not_recorded"})
"""After these, another run for the same time may be wanted."""


def explain(evidence: Evidence, asked: Asked) -> Explanation:
    """Why the schedule ran, or did not run, at the instant that is asked about."""
    case = Case(evidence, asked)
    facts: list[Fact] = []
    decided: Stop | None = None
    besides: list[Stop] = []
    for check in CHECKS:
        for fact, stop in ((finding.fact, finding.stop) for finding in check(case)):
            if decided is None:
                facts.append(fact)
                decided = stop
            elif stop is not None and stop.cause in BESIDES:
                besides.append(stop)
        if decided is not None and decided.cause in FINAL:
            break
    if decided is None:
        return _ran(case, facts)
    if not case.is_past and decided.cause != "not_yet":
        besides = []  # what stands in its way today says nothing of a day on which it is not to run
    verb = "did not run" if case.is_past else "will not run"
    sentence = decided.sentence or f"{case.id} {verb} at {case.when}: {decided.because}"
    if decided.cause == "not_yet" and not besides:
        sentence += ", and as things stand it will"
    remedies = decided.remedies or (besides[0].remedies if besides else ())
    if case.backfill is not None:
        sentence += f". It was backfilled {case.times.on(case.backfill.handed_off_at)}, as job {case.backfill.job_id}"
    change, go_back = timing.changed_since(case)
    return Explanation(
        case.id,
        None if asked.day is not None else case.at,
        decided.cause,
        f"{sentence}.{change}",
        _otherwise(decided, besides),
        tuple(facts),
        (*go_back, *remedies),
        case.times.name,
    )


def _otherwise(decided: Stop, besides: list[Stop]) -> str:
    if not besides:
        return ""
    why = ", and ".join(stop.because for stop in besides)
    if decided.cause == "not_yet":
        return f"As things stand it will not: {why}."
    return f"It would not have run in any case: {why}."


def _ran(case: Case, facts: list[Fact]) -> Explanation:
    """Of a run that was handed off."""
    run, times = case.evidence.run, case.times
    state = None if run is None else state_of(run, times)
    remedies: tuple[Remedy, ...] = ()
    if state is None:
        what = "How it ended is not recorded, and RQ no longer has its job"
        facts.append(Fact("end", what, None, None, "", "unknown"))
        state = JobState("not_recorded", "how it ended is not known: RQ no longer has its job", facts[-1])
    else:
        facts.append(state.fact)
        remedies = state.remedies or (case.make_up_for if state.cause in MADE_UP_FOR else ())
    sentence = f"{_begin(case)} and {state.says}{_made_way(case, state)}."
    change, go_back = timing.changed_since(case)
    remedies = (*go_back, *remedies)
    return Explanation(case.id, case.at, state.cause, sentence + change, "", tuple(facts), remedies, times.name)


def _begin(case: Case) -> str:
    line, times = case.line, case.times
    if line is not None and line.outcome == "manual":
        return f"{case.id} was run by hand {times.on(line.handed_off_at)} ({times.name})"
    if line is not None and line.outcome == "backfill":
        return f"{case.id} was backfilled {times.on(line.handed_off_at)} for {case.when}"
    if line is not None and line.lateness is not None and line.lateness >= timedelta(seconds=1):
        late = length(line.lateness, coarse=True)
        return f"{case.id} was handed off {times.on(line.handed_off_at)} for {case.when}, {late} late,"
    return f"{case.id} was handed off at {case.when}"


def _made_way(case: Case, state: JobState) -> str:
    """Of one that was stopped: by whom, or for which run, where overlap has it so."""
    if state.cause not in {"stopped", "canceled"}:
        return ""
    if case.evidence.stopped_by:
        return f" by {case.evidence.stopped_by}"
    if case.spec is None or case.spec.overlap != "replace":
        return ""
    later = [run for run in case.evidence.runs if run.outcome == "enqueued" and run.nominal > case.at]
    return f", to make way for the run of {case.times.short(later[-1].nominal)} (overlap='replace')" if later else ""
