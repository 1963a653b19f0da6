"""Whether an instant that a schedule has was served: pauses, dispatchers, the run before, the hand-off.

Each check says what it found, and whether the run got past it. Pure: a record of what happened is believed before
anything is worked out anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rq_scheduler.client.fleet import Outage
from rq_scheduler.client.schedules.explain.case import RUNS, Case, Finding, Stop
from rq_scheduler.client.schedules.explain.evidence import Evidence, JobEvidence
from rq_scheduler.client.schedules.explain.explanation import Fact, Remedy
from rq_scheduler.client.schedules.explain.jobs import state_of
from rq_scheduler.client.schedules.explain.times import capital
from rq_scheduler.client.schedules.results import Run
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.humanize import length
from rq_scheduler.planning import MISSED_AFTER

__all__ = ["START_ONE", "dispatcher", "hand_off", "lock_words", "overlap", "pause"]

_ONE_HEARTBEAT = timedelta(seconds=1)
"""So much, at most, lies between the last heartbeat of a dispatcher and the outage that began with it."""


START_ONE = Remedy("Start a dispatcher", "rqscheduler")
PUT_AGAIN = Remedy(
    "Put it again, where it is defined: what it calls is gone from Redis",
    "rqscheduler put --file FILE",
    "scheduler.schedules.put(...)",
)


def pause(case: Case) -> Iterator[Finding]:
    """Whether it was paused then, or is to be."""
    evidence, times, found = case.evidence, case.times, case.pause
    if case.was_decided and found is None:
        yield Finding(Fact("pause", "It was not paused"))
    elif case.was_decided and found is not None and found.until is not None:  # its jitter had not run out
        until = times.short(found.until)
        yield Finding(Fact("pause", f"It was paused until {until}, and due after that", True, found.since, found.by))
    if case.line is not None or case.is_held:
        return
    if found is None:
        known = evidence.pauses_since is not None and evidence.pauses_since <= case.at
        if known:
            yield Finding(Fact("pause", "It was not paused" if case.is_past else "It is not paused"))
        elif case.is_past:
            said = f"Whether it was paused then is {_unseen_words(evidence)}"
            yield Finding(Fact("pause", said, None, standing="unknown"))
        elif not case.schedule.paused:
            yield Finding(Fact("pause", "It is not paused"))
        return
    by = f" by {found.by}" if found.by else ""
    note = f' ("{found.note}")' if found.note else ""
    since = "" if found.since is None else f" {times.on(found.since)}"
    if found.until is not None:
        resumed = f" by {found.resumed_by}" if found.resumed_by else ""
        because = f"it was paused{by}{since}{note}, and resumed{resumed} {times.on(found.until)}"
        yield Finding(
            Fact("pause", f"It was paused{note} until {times.short(found.until)}", False, found.since, found.by),
            Stop("paused", because, case.make_up_for),
        )
        return
    ends = "" if found.ends_at is None else f", until {times.short(found.ends_at)}"
    standing = "recorded"
    if found.since is None:
        standing = "unknown"
        because = f"it is paused{by}{note}{ends}, and has no run since; when that was done is not recorded"
    elif case.is_past:
        because = f"it was paused{by}{since}{note}, and still is{ends}"
    else:
        because = f"it is paused{by}{note}{ends}"
    again = "et it fire again, from its next instant on"
    what = f"Ask {found.by}, who paused it; then l{again}" if found.by else f"L{again}"
    resume = (Remedy(what, case.rqscheduler("resume"), case.call("resume")),)
    if case.schedule.cannot_run:
        because += "; its job template, which says what it calls, is gone from Redis"
        resume = (PUT_AGAIN, Remedy("Then let it fire again", case.rqscheduler("resume"), case.call("resume")))
    fact = Fact("pause", f"It is paused{note}{ends}", False, found.since, found.by, standing)
    one_run = tuple(replace(each, what=f"{each.what}, if {found.by} agrees") for each in case.make_up_for if found.by)
    yield Finding(fact, Stop("paused", because, (*resume, *(one_run or case.make_up_for))))


def dispatcher(case: Case) -> Iterator[Finding]:
    """Whether somebody was there to serve it, in time."""
    line = case.line
    if line is not None and line.outcome == "missed":
        yield _missed(case, line)
        return
    if not case.is_past:
        names = case.evidence.dispatchers
        if not names:
            fact = Fact("dispatcher", "No dispatcher is alive now", False)
            yield Finding(fact, Stop("not_handed_off", "no dispatcher is alive", (START_ONE,)))
        return
    found = _outage(case, case.at, case.at)
    if found is not None and (line is None or (found.ended is not None and found.ended <= line.handed_off_at)):
        words = _outage_words(case, found)
        yield Finding(Fact("dispatcher", capital(words), None if line is None else True, found.began))
    elif line is not None and line.outcome == "skipped":
        decided = None if line.count > 1 else line.handed_off_at
        yield Finding(Fact("dispatcher", "A dispatcher was there", True, decided))


def _missed(case: Case, line: Run) -> Finding:
    times = case.times
    found = _outage(case, line.nominal, line.handed_off_at)
    if found is not None:
        away = _outage_words(case, found)
    else:
        late = times.short(line.handed_off_at)
        away = f"nobody handed it off until {late}, and no outage is recorded of that time"
    several = ""
    if line.count > 1:
        more = "at least " if line.at_least else ""
        several = f", one of {more}{line.count:,} times {times.stretch(line.nominal, line.until)}"
    dropped = _why_dropped(case, line)
    sentence = f"{case.id} did not run at {case.when}{several}: {away}; {dropped}"
    fact = Fact(
        "dispatcher",
        f"It was missed{several.replace(', one of', ',')}: {away}",
        False,
        line.handed_off_at,
    )
    remedies = [*case.make_up_for]
    if case.spec is not None and case.spec.catchup == "none" and case.schedule.kind != "job":
        what = "Have the latest run that is missed run late from now on"
        remedies.append(Remedy(what, call=case.call("update", "catchup='latest'")))
    if found is not None and found.cause == "fleet":
        remedies.append(Remedy("Run two dispatchers, on two hosts: one serves while the other is away", "rqscheduler"))
    return Finding(fact, Stop("missed", f"{away}; {dropped}", tuple(remedies), sentence))


def _why_dropped(case: Case, line: Run) -> str:
    """Why what was missed did not run late."""
    spec, times, updated = case.spec, case.times, case.schedule.updated_at
    if updated is not None and case.at < updated <= line.handed_off_at:
        return f"its definition was changed {times.on(updated)}, and what lies before a change never runs late"
    if spec is None:
        return "and what is missed runs late only where its definition says so"
    if spec.catchup == "none" and to_us(line.handed_off_at) - to_us(case.at) <= MISSED_AFTER:
        return "with catchup='none', none runs once the next one is due"
    if spec.catchup == "none":
        return f"with catchup='none', nothing that is more than {MISSED_AFTER // 1_000_000} s late runs"
    window = spec.catchup_window
    if window is not None and to_us(line.handed_off_at) - to_us(case.at) >= window.us:
        return f"by then it was older than its catchup_window of {length(window)}"
    after = [run for run in case.evidence.runs if run.outcome == "enqueued" and run.nominal > line.until]
    newest = f", that of {times.short(after[-1].nominal)}" if after else ""
    return f"of all that had passed, the newest alone ran (catchup='latest'){newest}"


def _outage(case: Case, first: datetime, last: datetime) -> Outage | None:
    """One that reaches into this stretch of time."""
    for outage in case.evidence.outages:
        if outage.began <= last and (outage.ended is None or outage.ended >= first):
            return outage
    return None


def _outage_words(case: Case, outage: Outage) -> str:
    times = case.times
    stretch = f"since {times.short(outage.began)}"
    if outage.ended is not None:
        stretch = times.stretch(outage.began, outage.ended)
    who = {"redis": "Redis was away", "lock": "a daemon of rq-scheduler 0.14, or an application, held the lock"}
    last = next((one.name for one in case.evidence.seen if abs(one.last_heartbeat - outage.began) < _ONE_HEARTBEAT), "")
    stretch += f" (the last was {last})" if last and outage.cause not in who else ""
    return f"{who.get(outage.cause, 'no dispatcher was there')} {stretch}"


def overlap(case: Case) -> Iterator[Finding]:
    """Whether the run before it let it start."""
    line, spec = case.line, case.spec
    if line is not None and line.outcome == "skipped":
        yield _skipped(case, line)
    elif case.at in case.evidence.buffered:
        holder = case.evidence.holder
        words, remedies = _holder_words(case, holder)
        words = "" if holder is None else f": run {holder.job.id}{words}"
        policy = "" if spec is None else f" (overlap={spec.overlap!r})"
        starts = f"it starts when the run before it has ended{policy}{words}"
        sentence = f"{case.id} has not run at {case.when} yet: {starts}"
        fact = Fact("overlap", f"It waits for the run before it{policy}", None)
        yield Finding(fact, Stop("buffered", f"it waits for the run before it{words}", remedies, sentence))
    elif case.was_handed_off and spec is not None and spec.overlap not in {"allow", "replace"}:
        yield Finding(Fact("overlap", f"No run before it was in the way (overlap={spec.overlap!r})"))


def _skipped(case: Case, line: Run) -> Finding:
    times, holder = case.times, case.evidence.holder
    words, remedies = _holder_words(case, holder)
    if line.count > 1:
        several = f"{line.count:,} times, {times.stretch(line.nominal, line.until)}"
        what = f"was skipped {several}"
        sentence = f"{case.id} did not run at {case.when}: it was skipped {several}"
    elif line.until != line.nominal:
        several = f"with others, {times.stretch(line.nominal, line.until)}"
        what = f"was skipped {several}"
        sentence = f"{case.id} did not run at {case.when}: it was skipped {several}"
    else:
        what, sentence = "was skipped", f"{case.id} did not run at {case.when}: it was skipped"
    if holder is None:
        held = ", as the run before it had not ended; which that was is not recorded"
    else:
        held = f", held up by run {holder.job.id}{words}"
    fact = Fact("overlap", f"It {what}{held}", False, line.handed_off_at)
    because = f"the run before it had not ended{words}"
    return Finding(fact, Stop("skipped", because, (*remedies, *case.make_up_for), sentence + held))


def _holder_words(case: Case, holder: JobEvidence | None) -> tuple[str, tuple[Remedy, ...]]:
    if holder is None:
        return "", ()
    state, line = state_of(holder, case.times), holder.line
    asked = ""
    if line is not None and line.outcome == "manual":
        by = case.evidence.by_hand.get(holder.job.id, "")
        asked = f", run by hand{f' by {by}' if by else ''} {case.times.on(line.handed_off_at)}"
    if state is None:
        return f"{asked}, of which RQ has nothing any more", ()
    return f"{asked}, which {state.says}", state.remedies


def hand_off(case: Case) -> Iterator[Finding]:
    """Whether it entered its queue."""
    evidence, times, line = case.evidence, case.times, case.line
    if line is not None and line.outcome in RUNS:
        late = "at its time" if not line.lateness else f"{length(line.lateness)} after its time"
        queue = case.schedule.queue_name
        what = f"Handed off {late}, as job {line.job_id}, to {queue!r}"
        fact = Fact("hand_off", what, True, line.handed_off_at, line.dispatcher or "")
        yield Finding(fact)
        return
    held = evidence.held
    if held is not None and (line is None or line.outcome == "failed"):
        since = "" if held.at is None else f" since {times.short(held.at)}"
        because = f"it has been in quarantine{since}: {held.reason}"
        retry = Remedy(
            "Once that is mended, put it back",
            case.rqscheduler("quarantine retry"),
            f"scheduler.quarantine.retry({case.id!r})",
        )
        fact = Fact("hand_off", f"It is in quarantine: {held.reason}", False, held.at)
        yield Finding(fact, Stop("quarantined", because, (retry,)))
        return
    if line is not None and line.outcome == "failed":
        because = "it could not be run" + (f": {case.schedule.note}" if case.schedule.note else "")
        yield Finding(Fact("hand_off", capital(because), False, line.handed_off_at), Stop("quarantined", because))
        return
    if line is not None or not case.is_past:
        return
    if evidence.run is not None and evidence.run.job.status:
        yield Finding(Fact("hand_off", f"Its job is there: {case.job_id}"))
        return
    yield _not_served(case)


def _not_served(case: Case) -> Finding:
    """Of one without any record, whose time has come."""
    evidence, times, schedule = case.evidence, case.times, case.schedule
    armed = next(schedule.instants(), None)
    if armed is not None and from_us(armed[0]) <= case.at:
        return _is_late(case, from_us(armed[1]))
    oldest = evidence.runs[-1].nominal if evidence.runs else None
    if not evidence.is_whole and (oldest is None or case.at < oldest):
        because = f"its history reaches back to {times.short(oldest)} only" if oldest else "it keeps no history"
        what = f"{capital(because)} (keep_runs={evidence.keeps})"
    elif schedule.updated_at is not None and case.at < schedule.updated_at and not case.definition.is_recorded:
        because = (
            f"its definition was changed {times.on(schedule.updated_at)}, and neither a run of before nor what it said "
            "then is recorded"
        )
        what = "What its definition said then is not recorded"
    else:
        because = "no record says what became of it"
        if evidence.pauses_since is None or evidence.pauses_since > case.at:
            because += f": it may have been paused, which is {_unseen_words(evidence)}"
        what = "No record says what became of it"
    sentence = f"What became of {case.id} at {case.when} is not known: {because}"
    return Finding(
        Fact("hand_off", what, None, None, "", "unknown"),
        Stop("not_recorded", because, case.make_up_for, sentence),
    )


def _unseen_words(evidence: Evidence) -> str:
    """Why a pause is not known: there is no record, or nobody looked so far back."""
    if evidence.pauses_among is None:
        return "not recorded"
    return f"not told by the newest {evidence.pauses_among:,} entries of the audit, and older ones were not looked at"


def _is_late(case: Case, due: datetime) -> Finding:
    evidence, times = case.evidence, case.times
    late = times.until(due)
    why, remedies = lock_words(evidence.dispatchers, evidence.lock_holder)
    found = None if evidence.dispatchers or evidence.lock_holder else _outage(case, due, case.now)
    if found is not None:
        why = f"{why}, since {times.short(found.began)}"
    sentence = f"{case.id} has not run at {case.when} yet, and is {late} late: {why}"
    fact = Fact("hand_off", f"It is {late} late, and nobody has handed it off: {why}", False, due)
    return Finding(fact, Stop("not_handed_off", why, remedies, sentence))


def lock_words(dispatchers: Sequence[str], lock_holder: str) -> tuple[str, tuple[Remedy, ...]]:
    """Why what is due is not handed off, as far as that is seen, and what to do."""
    if lock_holder:
        why = f"a daemon of rq-scheduler 0.14, or an application, holds the lock ({lock_holder!r})"
        return why, (Remedy("End that daemon; a dispatcher takes a dead one's lock over", "rqscheduler --take-fence"),)
    if not dispatchers:
        return "no dispatcher is alive", (START_ONE,)
    alive = "is alive, so its log says" if len(dispatchers) == 1 else "are alive, so their logs say"
    return f"{', '.join(dispatchers[:3])} {alive} why", ()
