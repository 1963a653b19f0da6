"""The first page's sentences: what needs somebody, and why something did not run. Owns the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote

from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.overview import Lane, NotRun, Overview
from rq_scheduler.client.schedules import Run, StoredSchedule
from rq_scheduler.client.schedules.explain.jobs import took, why_ended
from rq_scheduler.client.schedules.explain.times import Times, capital
from rq_scheduler.humanize import counted, length
from rq_scheduler.views.details import run_words, whole_second
from rq_scheduler.views.marks import kind_of_run, outcome_words
from rq_scheduler.views.outcomes import letter_word
from rq_scheduler.views.problems import Problem, names, outage_words, problems
from rq_scheduler.views.standing import next_due

__all__ = [
    "LaneWords",
    "Need",
    "lane_words",
    "lede",
    "needs",
    "not_run_reason",
    "not_run_words",
    "stretch_words",
    "verdict",
]

_BY_ONE = 3
"""Failing schedules that have a need of their own."""

_SOON = timedelta(hours=1)
"""A change that came so long before the first failure is named with it."""

_KINDS = {
    "failing": "failed",
    "paused": "paused",
    "overdue": "late",
    "missed": "missed",
    "not_handed_off": "late",
    "quarantine": "failed",
    "no_worker": "waiting",
    "suspended": "paused",
}


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person. kind: its mark. short: as a part of the verdict. title: a sentence without its
    full stop. detail: more of it; error: in the words of an exception. schedule_id: the one that it is about; command:
    what to type; queue: the one that it is about; resumes:
    whether resuming that schedule is what helps."""

    code: str
    kind: str
    short: str
    title: str
    detail: str = ""
    error: str = ""
    schedule_id: str = ""
    command: str = ""
    queue: str = ""
    resumes: bool = False


@dataclass(frozen=True, slots=True)
class LaneWords:
    """What is said beside a lane: its kind, and how things stand, in a few words; and what comes."""

    kind: str
    said: str
    next: str


def needs(found: Overview, times: Times) -> list[Need]:
    """All of them, the worst first."""
    told: list[Need] = []
    for problem in problems(found.health, times.zone):
        if problem.code == "failing":
            told += _failing(found, problem, times)
        else:
            told.append(_need(found, problem))
    return told


def verdict(found: Overview, told: Sequence[Need]) -> str:
    """The page's sentence."""
    if not told:
        counts = found.health.counts
        if not counts.schedules and not found.health.one_offs:
            return "Nothing is scheduled yet"
        return "Nothing needs you"
    first = told[:2]
    said = " and ".join(need.short for need in first)
    more = len(told) - len(first)
    if len(told) == 1:
        return capital(said)
    return f"{len(told)} things need you: {said}" + (f", and {counted(more, 'thing', 'things')} more" if more else "")


def lede(found: Overview, told: Sequence[Need], times: Times) -> str:
    """What follows the verdict where there is nothing to do."""
    if told or not (found.health.counts.schedules or found.health.one_offs):
        return ""
    counts, due = found.health.counts, found.health.next_due
    said = f"{counted(counts.schedules, 'schedule', 'schedules')}, {counts.paused:,} of them paused"
    one_offs = counted(found.health.one_offs, "one-off job waits", "one-off jobs wait")
    if due is None or counts.next_id is None:
        return f"{said}; {one_offs}. Nothing is due."
    return f"{said}; {one_offs}. Next comes {counts.next_id}, {times.on(whole_second(due))}."


def _need(found: Overview, problem: Problem) -> Need:
    code, text = problem.code, problem.text
    kind = _KINDS.get(code, "failed")
    if code == "no_dispatcher":
        return Need(code, kind, "no dispatcher is alive", capital(text), command=problem.command)
    if code == "no_worker":
        ids, count = found.bound_for.get(problem.queue, ((), 0))
        what = f"{counted(count, 'schedule goes', 'schedules go')} there: {names(ids, count)}." if ids else ""
        short = f"nobody listens on queue {problem.queue!r}"
        return Need(code, kind, short, capital(text), what, command=problem.command, queue=problem.queue)
    id = ""
    some = {"paused": found.health.troubles.paused, "overdue": found.health.troubles.late,
            "missed": found.health.troubles.missed}.get(code)  # fmt: skip
    if some is not None and some.count == 1:
        id = some.first[0]
    detail, resumes = "", False
    if code == "paused" and id:
        lane = found.lane(id)
        resumes = lane is not None and not lane.stored.cannot_run
        detail = "" if lane is None or not lane.stored.note else f"{capital(lane.stored.note)}."
    short = text.partition(" (")[0] if not id else _one(code, id)
    title = short if id else capital(text)
    return Need(code, kind, short, title, detail, "", id, problem.command, resumes=resumes)


def _one(code: str, id: str) -> str:
    return {
        "paused": f"{id} was paused by failures or a fault",
        "overdue": f"{id} has not succeeded in the time that is expected",
        "missed": f"{id} missed runs within a day",
    }[code]


def _failing(found: Overview, problem: Problem, times: Times) -> Iterator[Need]:
    some = found.health.troubles.failing
    most = some.count if some.count <= _BY_ONE + 1 else _BY_ONE  # one alone is not left over
    lanes = [lane for id in some.first[:most] if (lane := found.lane(id)) is not None]
    for lane in lanes:
        yield _one_failing(found, lane, times)
    left = some.count - len(lanes)
    if left:
        more = "or more " if some.at_least else ""
        text = f"{counted(left, f'{more}schedule is', f'{more}schedules are')} failing" + (" besides" if lanes else "")
        others = [id for id in some.first if id not in {lane.stored.id for lane in lanes}]
        title = capital(f"{text} ({names(others, left)})") if others else capital(text)
        command = f"rqscheduler why {quote(others[0])}" if others else problem.command
        id = others[0] if left == 1 and others else ""
        yield Need("failing", "failed", text, title, schedule_id=id, command=command)


def _one_failing(found: Overview, lane: Lane, times: Times) -> Need:
    id, row = lane.stored.id, lane.stored.failed_in_a_row
    failed = _failed_in_a_row(lane.runs)
    newest, first = (failed[0], failed[-1]) if failed else (None, None)
    since = "" if first is None or len(failed) < row else f" since {times.short(whole_second(first.nominal))}"
    many = f"has failed {counted(row, 'time', 'times')}{' in a row' if row > 1 else ''}"
    short = f"{id} has been failing{since}" if row > 1 else f"{id} failed"
    # The error of the newest may not have been read yet.
    told = next((run for run in failed if run.error or run.cause), newest)
    error = ""
    if told is not None and told.end is not None:
        error = why_ended(told.end, told.cause or "", told.error or "", told.error_at or "")
    changed = _change_before(found.changes, lane, first)
    detail = ""
    if changed is not None and first is not None and since:
        delay = first.nominal - changed.at
        before = "just" if delay < timedelta(seconds=1) else length(delay, coarse=True)
        detail = f"It began {before} after {changed.actor or 'somebody'} changed {', '.join(changed.changes) or 'it'}."
    return Need("failing", "failed", short, f"{id} {many}{since}", detail, error, id, f"rqscheduler why {id}")


def _failed_in_a_row(runs: Sequence[Run]) -> list[Run]:
    """The newest runs that ended, as long as they failed."""
    failed: list[Run] = []
    for run in runs:
        kind = kind_of_run(run)
        if kind == "failed":
            failed.append(run)
        elif kind in ("ok", "late"):
            break
    return failed


def _change_before(changes: Sequence[AuditEntry], lane: Lane, first: Run | None) -> AuditEntry | None:
    if first is None:
        return None
    for entry in changes:
        if entry.id == lane.stored.id and entry.action in ("changed", "undone"):
            before = first.nominal - entry.at
            if timedelta() <= before <= _SOON:
                return entry
    return None


def lane_words(lane: Lane, now: datetime, times: Times) -> LaneWords:
    """How a schedule stands, beside its lane."""
    stored, runs = lane.stored, lane.runs
    due = next_due(stored)
    next_ = "no next run" if due is None else f"next {times.short(whole_second(due))}"
    kind, said = _standing(stored, runs, now, times)
    return LaneWords(kind, said, f"{next_}, after the pause" if stored.next_run_after_pause else next_)


def _standing(stored: StoredSchedule, runs: Sequence[Run], now: datetime, times: Times) -> tuple[str, str]:
    newest = next((run for run in runs if run.job_id is not None), None)
    if stored.paused:
        return "paused", f"Paused by {stored.paused_by or 'itself'}" + (f": {stored.note}" if stored.note else "")
    runs_for = ""
    if newest is not None and kind_of_run(newest) == "running" and newest.started_at is not None:
        runs_for = f"unning for {length(now - newest.started_at, coarse=True)}"
    if stored.failed_in_a_row:
        row = stored.failed_in_a_row
        return "failed", ("Failed" if row == 1 else f"Failed {row:,} in a row") + (runs_for and f", r{runs_for}")
    if stored.overdue_since is not None:
        return "late", f"No success by {times.short(whole_second(stored.overdue_since))}"
    if newest is not None and kind_of_run(newest) == "waiting":
        return "waiting", f"Queued for {length(now - newest.handed_off_at, coarse=True)}"
    if runs_for:
        usual = "" if stored.mean_duration is None else f", as a rule {took(stored.mean_duration)}"
        return "running", f"R{runs_for}{usual}"
    odd = next((run for run in runs if kind_of_run(run) in ("missed", "skipped", "late")), None)
    if odd is not None and runs and now - odd.handed_off_at < timedelta(days=1):
        at = times.short(whole_second(odd.nominal))
        if kind_of_run(odd) == "late":
            return "late", f"{at} was {length(odd.lateness, coarse=True)} late"
        return kind_of_run(odd), f"{capital(outcome_words(odd))} at {at}"
    if stored.finished:
        return "finished", "Finished"
    if not runs:
        return "waiting", "Has not run yet"
    last = runs[0]
    took_words = "" if last.duration is None else f", took {took(last.duration)}"
    return "ok", f"Ok at {times.short(whole_second(last.nominal))}{took_words}"


def stretch_words(first: datetime, last: datetime, times: Times) -> str:
    """`22:20`, `20:30 to 22:30`."""
    begins = times.short(whole_second(first))
    return begins if first == last else f"{begins} to {times.short(whole_second(last))}"


def not_run_words(one: NotRun) -> str:
    """`Skipped 3`: what became of them, in a word."""
    word = capital(letter_word(one.letter))
    if one.count == 1 and not one.at_least:
        return word
    return f"{word} {one.count:,}{'+' if one.at_least else ''}"


def not_run_reason(one: NotRun, found: Overview, times: Times) -> str:
    """Why, in a sentence without its full stop."""
    run = one.run
    if one.letter == "k":
        if run is None or run.held_up_by is None:
            return "An earlier run was still going"
        holders = len({each.held_up_by for each in one.runs if each.held_up_by})
        if holders > 1:
            last = run_words(run.held_up_by, times).replace("its run of", "that of")
            return f"{holders:,} of its runs were still going, one after the other, the last {last}"
        lane = found.lane(one.schedule_id)
        held = next((each for each in (lane.runs if lane else ()) if each.job_id == run.held_up_by), None)
        goes_on = held is not None and kind_of_run(held) in ("running", "waiting")
        going = ", and still is" if goes_on else ""
        return f"{capital(run_words(run.held_up_by, times))} was still {_state(held)}{going}"
    if one.letter == "m":
        return _missed_reason(one, found, times)
    if run is not None and run.end is not None:
        said = why_ended(run.end, run.cause or "", run.error or "", run.error_at or "")
        return capital(said or run.end)
    why = {"e": "Its time to live passed in its queue", "d": "It was gone before it had ended"}
    return why.get(one.letter, "Unknown")


def _missed_reason(one: NotRun, found: Overview, times: Times) -> str:
    """By the outage of the newest stretch; how many stretches there were besides."""
    first, last = (one.first, one.last) if one.run is None else (one.run.nominal, one.run.handed_off_at)
    outage = next((each for each in found.outages if each.began <= last and (each.ended or found.now) >= first), None)
    times_over = f"{len(one.runs)} times over, the last time: " if len(one.runs) > 1 else ""
    if outage is None:
        return capital(f"{times_over}nothing handed it off in time")
    ended = "" if outage.ended is None else f" to {times.short(whole_second(outage.ended))}"
    began = times.short(whole_second(outage.began))
    return capital(f"{times_over}{outage_words(outage.cause)}, from {began}{ended or ' on'}")


def _state(held: Run | None) -> str:
    return "queued" if held is not None and kind_of_run(held) == "waiting" else "going"
