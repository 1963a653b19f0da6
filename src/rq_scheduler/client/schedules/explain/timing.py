"""Whether an instant is one of the schedule at all: its definition, trigger, start and end, days off, number of runs.

Each check says what it found, and whether the run got past it. Pure: a record of what happened is believed before
anything is worked out anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from rq_scheduler.client.schedules.explain.asked import clocks_at, occurrences_of
from rq_scheduler.client.schedules.explain.case import Case, Finding, Stop, iso
from rq_scheduler.client.schedules.explain.evidence import Definition
from rq_scheduler.client.schedules.explain.explanation import Cause, Fact, Remedy
from rq_scheduler.client.schedules.explain.times import capital, clock
from rq_scheduler.clock import US, from_us, in_zone, to_us
from rq_scheduler.humanize import trigger_words
from rq_scheduler.model import Spec

__all__ = ["changed_since", "definition", "exclusion", "is_to_come", "number_of_runs", "trigger"]

MINUTE = 60 * US
MAX_SEARCHED = 400
"""Instants among which that is looked for to which another was moved."""


def definition(case: Case) -> Iterator[Finding]:
    """Whether there was such a schedule, and what is known of its definition of that time."""
    created, known = case.schedule.created_at, case.definition
    if created is not None and case.at < created and case.line is None:
        first = case.evidence.definitions[-1]
        by = f" by {first.actor}" if first.actor and first.version == 1 else ""
        made = f"it was made {case.times.on(created)}{by}"
        stop = Stop("not_made", made, (), f"{case.id} did not exist yet at {case.when}: {made}")
        yield Finding(Fact("definition", f"It was made later, {case.times.on(created)}", False, created), stop)
        return
    if not known.is_recorded or (known.since is not None and known.since > case.at):
        what = "What its definition said then is not recorded; today's is taken for it"
        yield Finding(Fact("definition", what, None, standing="unknown"))
        return
    what = f"Version {known.version} of its definition was in force"
    yield Finding(Fact("definition", what, True, known.since, known.actor))


def trigger(case: Case) -> Iterator[Finding]:
    """Whether the trigger names the instant, between start and end."""
    spec, asked, times = case.spec, case.asked, case.times
    if spec is None:
        what = "Its definition cannot be read here: a newer version of this package wrote it, or it is damaged"
        yield Finding(Fact("trigger", what, None, standing="unknown"))
        return
    words = trigger_words(spec.trigger)
    if asked.clocks:
        yield Finding(Fact("trigger", capital(asked.clocks), True, standing="recomputed"))
    if case.line is not None and case.line.outcome in {"manual", "backfill"}:
        asked_for = "now" if case.line.outcome == "manual" else f"for {times.short(case.at)}"
        who = case.evidence.by_hand.get(case.job_id, "")
        yield Finding(Fact("trigger", f"A person asked for a run {asked_for}", True, case.line.handed_off_at, who))
        return
    if case.line is not None:
        yield Finding(Fact("trigger", f"It had an instant at {times.short(case.at)}: {words}", True, case.at))
        return
    if not asked.is_named:
        yield _not_an_instant(case, words)
        return
    if spec.start is not None and case.at < spec.start:
        yield _out_of_bounds(case, "before_start", f"before its start, {times.short(spec.start)}", spec.start)
        return
    if spec.end is not None and case.at >= spec.end:
        yield _out_of_bounds(case, "after_end", f"not before its end, {times.short(spec.end)}", spec.end)
        return
    jumped = _jumped(case, spec)
    yield Finding(Fact("trigger", f"{words} names {times.short(case.at)}{jumped}", True, case.at, "", "recomputed"))


def _out_of_bounds(case: Case, cause: Cause, where: str, bound: datetime) -> Finding:
    return Finding(Fact("trigger", f"That is {where}", False, bound), Stop(cause, f"that is {where}"))


def _not_an_instant(case: Case, words: str) -> Finding:
    asked, times, since = case.asked, case.times, case.definition.since
    before = None if asked.before is None or (since is not None and asked.before < since) else asked.before
    near = {"the one before is": before, "the next one is": asked.after}
    nearest = " and ".join(f"{text} {times.short(at)}" for text, at in near.items() if at is not None)
    nearest = nearest or "it has no other"
    what = f"{words} names no time {'on that day' if asked.day else 'then'}"
    if asked.day is not None:
        sentence = f"{case.id} has no run on {times.day(case.at)}: its trigger is {words}; {nearest}"
    else:
        sentence = f"{case.when} is no time of {case.id}: its trigger is {words}; {nearest}"
    if asked.is_skipped:
        sentence = f"{capital(asked.clocks)}: {case.id} has no time then; {nearest}"
    elif (first := _shown_before(case)) is not None:
        sentence += f". The clock showed that time twice that day, and its run was the first time, at {first}"
    remedies = tuple(
        Remedy(f"Ask about {times.short(at)}", case.rqscheduler("why", "--at", iso(at)))
        for at in (before, asked.after)
        if at is not None
    )
    if (change := _change_that_took_it(case)) is not None:
        newer, older = change
        sentence = f"{case.when} is no time of {case.id} any more: {_changed(case, newer, older)}; {nearest}"
        remedies = (*_go_back(case, newer), *remedies)
    fact = Fact("trigger", what, False, None, "", "recomputed")
    return Finding(fact, Stop("not_an_instant", what, remedies, sentence))


def _change_that_took_it(case: Case) -> tuple[Definition, Definition] | None:
    """The change before which the definition named the time that is asked about: what it was made to, and from."""
    us = to_us(case.at)
    for newer, older in pairwise(case.evidence.definitions):
        if newer.version > case.definition.version or older.spec is None or newer.since is None:
            continue
        found = occurrences_of(case.evidence, older.spec).after(us - 1)
        if found is not None and found < us + MINUTE:
            return newer, older
    return None


def _changed(case: Case, newer: Definition, older: Definition) -> str:
    by = f" by {newer.actor}" if newer.actor else ""
    when = "" if newer.since is None else f" {case.times.on(newer.since)}"
    was, now = (trigger_words(each.spec.trigger) if each.spec else "?" for each in (older, newer))
    return f"its definition was changed{by}{when}, from {was} to {now}"


def _go_back(case: Case, change: Definition) -> tuple[Remedy, ...]:
    """How to undo a change, which only the last one can be."""
    if change is not case.evidence.definitions[0]:
        return ()
    ask = f"ask {change.actor}, and go" if change.actor else "go"
    return (
        Remedy(
            f"If that was not meant, {ask} back",
            case.rqscheduler("undo"),
            case.call("undo", f"version={change.version}"),
        ),
    )


def changed_since(case: Case) -> tuple[str, tuple[Remedy, ...]]:
    """What to add for one who asks about no time in particular, where the trigger of today is another than that of the
    run: the next one comes at another time than he may think."""
    newest = case.evidence.definitions[0]
    if case.evidence.asked is not None or newest.spec is None or case.spec is None:
        return "", ()
    if case.definition.version == newest.version or newest.spec.trigger == case.spec.trigger:
        return "", ()
    after = occurrences_of(case.evidence, newest.spec).after(to_us(case.now))
    nearest = "" if after is None else f"; the next one is {case.times.short(from_us(after))}"
    return f" Since then {_changed(case, newest, case.definition)}{nearest}.", _go_back(case, newest)


def _shown_before(case: Case) -> str | None:
    """When the clock of the schedule's zone showed the time for the first time, if an instant was there."""
    here = in_zone(case.at, case.times.zone)
    if not here.fold or case.spec is None:
        return None
    first = here.replace(fold=0)
    us = to_us(first)
    is_instant = occurrences_of(case.evidence, case.spec).after(us - 1) == us
    return clock(first) if is_instant else None


def _jumped(case: Case, spec: Spec) -> str:
    """What to add where the instant is the moment of a jump of the clocks."""
    if not spec.trigger.zone_names or case.asked.clocks:
        return ""
    before, now = clocks_at(case.times.zone, case.at)
    return f", since the clocks went from {clock(before)} to {clock(now)} then" if now > before else ""


def exclusion(case: Case) -> Iterator[Finding]:
    """Whether it is a day off, and what becomes of it then."""
    spec, times = case.spec, case.times
    if spec is None or not spec.exclude:
        return
    if case.line is not None:
        # One that is a day off by today's data was decided by other data.
        if case.was_decided and case.asked.is_kept:
            yield Finding(Fact("exclusion", "It is no day off"))
        return
    if case.asked.is_kept:
        yield Finding(Fact("exclusion", "It is no day off", True, standing="recomputed"))
        return
    us = to_us(case.at)
    zone = "UTC" if all(one.timezone for one in spec.exclude) else spec.trigger.zone_name
    why = next((one.reason(us, zone) for one in spec.exclude if one.excluded_day(us, zone) is not None), "")
    actor, since = case.definition.actor, case.definition.since
    put = f" (by its definition, put by {actor} {times.on(since)})" if actor and since is not None else ""
    because = f"{times.day(case.at)} is a day off, {why}"
    fact = Fact("exclusion", f"{times.day(case.at)} is a day off: {why}", False, None, "", "recomputed")
    if spec.excluded == "skip":
        now = Remedy("Run it now all the same", case.rqscheduler("run-now"), case.call("run_now"))
        yield Finding(fact, Stop("excluded", because + put, (now,) if case.is_past else ()))
        return
    target = _moved_to(case, spec)
    if target is None:
        yield Finding(fact, Stop("moved", f"{because}, and no day was found to move it to"))
        return
    ask = Remedy(f"Ask about {times.short(target)}", case.rqscheduler("why", "--at", iso(target)))
    yield Finding(fact, Stop("moved", f"{because}, and its run was moved to {times.short(target)}", (ask,)))


def _moved_to(case: Case, spec: Spec) -> datetime | None:
    """The instant that one on a day off was moved to: the nearest one, in its direction, at the same time of day."""
    occurrences, us, zone = occurrences_of(case.evidence, spec), to_us(case.at), case.times.zone
    step = occurrences.after if spec.excluded == "next_day" else occurrences.before
    for _ in range(MAX_SEARCHED):
        found = step(us)
        if found is None:
            return None
        at, us = from_us(found), found
        if in_zone(at, zone).time() == in_zone(case.at, zone).time():
            return at
    return None


def number_of_runs(case: Case) -> Iterator[Finding]:
    """Whether it had made all of its runs before."""
    spec, schedule = case.spec, case.schedule
    if spec is None or spec.max_runs is None or case.line is not None or not schedule.finished:
        return
    last = schedule.last_run_at
    if schedule.runs >= spec.max_runs and (last is None or last < case.at):
        on = "" if last is None else f", the last {case.times.on(last)}"
        because = f"it had made all of its {spec.max_runs:,} runs (max_runs={spec.max_runs}){on}"
        yield Finding(Fact("trigger", capital(because), False, last), Stop("max_runs", because))


def is_to_come(case: Case) -> Iterator[Finding]:
    """Whether its time has not come yet; with jitter, the time at which it is due."""
    spec = case.spec
    if case.line is not None or spec is None or (case.evidence.run is not None and case.evidence.run.job.status):
        return
    due = from_us(occurrences_of(case.evidence, spec).due(to_us(case.at)))
    if due <= case.now:
        return
    jitter = "" if due == case.at else f", as its jitter delays it to {clock(in_zone(due, case.times.zone))}"
    sentence = f"{case.id} has not run at {case.when} yet{jitter}: that is in {case.times.until(due)}"
    fact = Fact("trigger", f"That is in {case.times.until(due)}{jitter}", None, due, "", "recomputed")
    yield Finding(fact, Stop("not_yet", "its time has not come", (), sentence))
