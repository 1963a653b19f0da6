"""One question, and what its records come to: the line of history that speaks of the instant, the words for
moments. What the checks share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from shlex import quote
from typing import Final

from rq_scheduler.client.schedules.explain.asked import Asked, zone_of_schedule
from rq_scheduler.client.schedules.explain.evidence import Definition, Evidence, Pause
from rq_scheduler.client.schedules.explain.explanation import Cause, Fact, Remedy
from rq_scheduler.client.schedules.explain.times import Times, zone_label
from rq_scheduler.client.schedules.results import Run, StoredSchedule
from rq_scheduler.clock import to_us
from rq_scheduler.model import Spec
from rq_scheduler.runs import parse_run_id, run_id

__all__ = ["RUNS", "Case", "Finding", "Stop", "iso", "line_of"]

RUNS: Final = frozenset({"enqueued", "manual", "backfill"})
"""The outcomes of lines that made a job."""

_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run did not get past a check. because: completes "it did not run at T: ...", and "it would not have run
    either: ..."; sentence: the whole of it, where that reads otherwise, without its full stop."""

    cause: Cause
    because: str
    remedies: tuple[Remedy, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check comes to."""

    fact: Fact
    stop: Stop | None = None


class Case:
    """The evidence, and the instant that is asked about."""

    def __init__(self, evidence: Evidence, asked: Asked) -> None:
        self.evidence = evidence
        self.asked = asked
        self.at: datetime = asked.at
        self.id: str = evidence.schedule.id
        self.now: datetime = evidence.now
        self.schedule: StoredSchedule = evidence.schedule
        self.definition: Definition = evidence.definition_at(asked.at)
        self.spec: Spec | None = self.definition.spec
        is_sure = self.definition.is_recorded and self.spec is not None
        self.line: Run | None = line_of(evidence, asked, is_sure=is_sure)
        if self.line is not None and self.line.outcome == "skipped" and _lies_within(self.at, self.line) and self.pause:
            self.line = None  # what one run holds up before and after a pause is one line
        backfills = (run for run in evidence.runs if run.outcome == "backfill" and run.nominal == self.at)
        self.backfill: Run | None = next(backfills, None)
        zone = zone_of_schedule(self.spec) or (zone_label(evidence.reader) if evidence.reader else "UTC")
        self.times: Times = Times(zone, asked.at, evidence.now, evidence.reader)

    @cached_property
    def when(self) -> str:
        """The instant in full: `02:30 on Sat 28 Nov (Europe/Paris)`."""
        return self.times.full(self.at)

    @property
    def is_past(self) -> bool:
        """Whether its time has come."""
        return self.at <= self.now

    @property
    def was_handed_off(self) -> bool:
        """Whether a record says that the run entered its queue."""
        return self.line is not None and self.line.outcome in RUNS

    @property
    def was_decided(self) -> bool:
        """Whether a record says that a dispatcher had its turn at it."""
        line, known_since = self.line, self.evidence.pauses_since
        if line is None or line.outcome not in {"enqueued", "skipped"}:
            return False
        is_known = known_since is not None and known_since <= self.at
        return is_known or not _lies_within(self.at, line)

    @cached_property
    def job_id(self) -> str:
        """The job of the run, if there was one."""
        if self.line is not None and self.line.job_id is not None:
            return self.line.job_id
        if self.evidence.job_id:
            return self.evidence.job_id
        return self.id if self.schedule.kind == "job" else run_id(self.id, to_us(self.at))

    @property
    def pause(self) -> Pause | None:
        """The pause that the instant lies in, as far as that is known."""
        for pause in self.evidence.pauses:
            end = pause.until or pause.ends_at
            ended = end is not None and end <= self.at
            if pause.since is None:
                # All that is sure: it was paused at the end, and nothing was decided in between.
                decided = (run for run in self.evidence.runs if run.outcome not in {"manual", "backfill"})
                begun = not any(self.at <= run.handed_off_at < (end or self.now) for run in decided)
            else:
                begun = pause.since <= self.at
            if begun and not ended:
                return pause
        return None

    @property
    def is_held(self) -> bool:
        """Whether it is in quarantine, which has paused it."""
        return self.evidence.held is not None and (self.pause is None or not self.pause.by)

    def rqscheduler(self, command: str, *arguments: str) -> str:
        """A command line about this schedule."""
        return " ".join(["rqscheduler", command, quote(self.id), *map(quote, arguments)])

    def call(self, method: str, *arguments: str) -> str:
        """A call about this schedule."""
        return f"scheduler.schedules.{method}({', '.join([repr(self.id), *arguments])})"

    @property
    def make_up_for(self) -> tuple[Remedy, ...]:
        """How to have the run after all; nothing where that was done, or cannot be."""
        if not self.is_past or self.backfill is not None or self.schedule.kind == "job":
            return ()
        until = self.at + _ONE_SECOND
        if until > self.now:
            return ()
        since_text, until_text = iso(self.at), iso(until)
        return (
            Remedy(
                f"Run it for {self.times.short(self.at)} after all",
                self.rqscheduler("backfill", "--since", since_text, "--until", until_text),
                self.call("backfill", *(f"datetime.fromisoformat({each!r})" for each in (since_text, until_text))),
            ),
        )


def iso(at: datetime) -> str:
    """A moment as commands and calls take it: `2026-11-28T01:30:00Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _lies_within(at: datetime, line: Run) -> bool:
    """Whether it is an instant of a stretch that is not told by itself, as the first and the last one are."""
    return line.nominal < at < line.until


def line_of(evidence: Evidence, asked: Asked, *, is_sure: bool) -> Run | None:
    """The line of history that says what became of an instant: a run of its own, or a stretch that it lies in. Where it
    is sure what the definition said then, a stretch speaks of its instants alone."""
    job_id, at = evidence.job_id, asked.at
    if job_id:
        own = next((run for run in evidence.runs if run.job_id == job_id), None)
        kind = parse_run_id(job_id)
        if own is not None or (kind is not None and kind.kind != "scheduled"):
            return own
    lines = [run for run in evidence.runs if run.outcome not in {"manual", "backfill"}]
    of_its_own = (run for run in lines if run.nominal == run.until == at)
    stretches = (run for run in lines if run.nominal <= at <= run.until and (asked.is_kept or not is_sure))
    return next(of_its_own, None) or next(stretches, None)
