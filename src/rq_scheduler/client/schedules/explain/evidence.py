"""What is known when somebody asks: everything that the records hold of a schedule, of one of its instants, and of the
jobs and queues that matter to it. Values; nothing here follows from anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import TypeAlias

from rq_scheduler.client.fleet import Outage, SeenDispatcher
from rq_scheduler.client.schedules.results import Run, StoredSchedule
from rq_scheduler.model import Spec
from rq_scheduler.store.settling import RunError
from rq_scheduler.store.traces import JobTrace, QueueTrace

__all__ = ["AskedTime", "Definition", "Evidence", "Held", "JobEvidence", "LeftWorker", "Pause"]

AskedTime: TypeAlias = datetime | date | None
"""An aware moment; a whole day, by the schedule's clock; None for the newest instant that should have run."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a schedule was to do from `since` on, until the next one. spec: None for one that cannot be read. actor: who
    made it. is_recorded: it is known to have been so then; else today's is taken for it."""

    spec: Spec | None
    version: int
    since: datetime | None
    actor: str = ""
    is_recorded: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """A time without runs. since: None where nobody wrote that down; until: None while it lasts, ends_at: when it is to
    end by itself then."""

    since: datetime | None
    until: datetime | None = None
    ends_at: datetime | None = None
    by: str = ""
    note: str = ""
    resumed_by: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """In quarantine: why, and since when."""

    reason: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class LeftWorker:
    """A worker that is gone, and when it was last known to be there."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class JobEvidence:
    """A job, and the queue that it goes to, as they stand now. line: what its schedule has recorded of it; left: the
    last worker of that queue that went away; error: what RQ knows of its failure."""

    job: JobTrace
    queue: QueueTrace | None = None
    line: Run | None = None
    left: LeftWorker | None = None
    error: RunError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of it. `now` is the server's time; moments are aware UTC.

    runs: the history, newest first; keeps: how many lines of it are kept. definitions: newest first, today's being the
    first. pauses: newest first, known from `pauses_since` on (None: not at all), since only the newest `pauses_among`
    entries of the audit were looked at (None: all). outages: those that may matter, in order. dispatchers: the names of
    those that are alive now. lock_holder: who else holds the lock of 0.14's daemons. buffered: nominal times of runs
    that wait for the present one to end. run: the job of the instant that is asked about; holder: the one that held it
    up. job_id: of the run that is asked about, where it was named by that. stopped_by: who had that run stopped.
    by_hand: who asked for which run, by job id. seen: the dispatchers of the last two days, those that are gone too."""

    schedule: StoredSchedule
    now: datetime
    asked: AskedTime = None
    reader: tzinfo | None = None
    runs: tuple[Run, ...] = ()
    keeps: int = 50
    definitions: tuple[Definition, ...]
    pauses: tuple[Pause, ...] = ()
    pauses_since: datetime | None = None
    pauses_among: int | None = None
    outages: tuple[Outage, ...] = ()
    held: Held | None = None
    dispatchers: tuple[str, ...] = ()
    lock_holder: str = ""
    buffered: tuple[datetime, ...] = ()
    run: JobEvidence | None = None
    holder: JobEvidence | None = None
    job_id: str = ""
    stopped_by: str = ""
    by_hand: Mapping[str, str] = field(default_factory=dict[str, str])
    seen: tuple[SeenDispatcher, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the history reaches back to the first run."""
        return len(self.runs) < self.keeps

    def definition_at(self, at: datetime) -> Definition:
        """The one that was in force then; of a time before all that are known, today's."""
        for one in self.definitions:
            if one.since is None or one.since <= at:
                return one
        today = self.definitions[0]
        return Definition(today.spec, today.version, today.since, today.actor, is_recorded=False)
