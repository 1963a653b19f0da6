"""Runs that a person asks for: one now, or one for each instant of a stretch of time.

Makes the ids that keep a run from being made twice, and reads the answers. The hand-off itself is the dispatchers'
script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from rq.job import Job

from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.clock import from_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store, StoredJob
from rq_scheduler.store.outcomes import Outcome
from rq_scheduler.store.schedules import Stored
from rq_scheduler.triggers.base import aware_us

__all__ = ["MAX_COUNTED", "Asked", "backfill", "not_backfilled", "run_now", "stretch_of"]

MAX_COUNTED = 1000
"""Instants of a stretch that are counted one by one."""

MAX_BATCH = 100
"""Backfilled runs in one script."""

MAX_BATCH_BYTES = 1024 * 1024
"""Bytes of calls, which those runs are copies of; a larger one is copied alone."""

Stretch = tuple[int, int]
"""[from, to) in microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer to `run_now`: the job, or none where overlap says so."""

    job: Job | None


def run_now(context: SchedulerContext, current: Stored, spec: Spec, now: int, *, force: bool) -> Asked | None:
    """Makes a manual run, numbered by the schedule as it was read; None when somebody else has had that number."""
    from rq_scheduler.dispatcher import LogEvents, look_for, stop_run  # too much for the start of every client

    store = context.store
    number = current.number("manual") + 1
    answer = store.run_now(current.id, spec, number, now, force=force)
    if answer.outcome is Outcome.CHECK:
        found = look_for(store, answer.detail)
        answer = store.run_now(current.id, spec, number, now, force=force, found=found)
    if answer.outcome in (Outcome.STALE, Outcome.CHECK):
        return None
    if answer.outcome is Outcome.BROKEN:
        raise InvalidArgument(f"schedule {current.id!r} cannot run: {answer.detail}")
    for job_id in answer.to_stop:
        stop_run(store, context.creator, LogEvents(), job_id)
    # Beside it, or instead of it, a buffered run may have started.
    job_id = run_id(current.id, now, f"m{number}")
    if all(run.id != job_id for run in answer.made):
        return Asked(None)
    fields: Mapping[bytes, bytes] = store.job_fields(job_id)
    if not fields:  # a quick worker, and a job that is not kept: the caller gets what it was a copy of
        _, (definition,) = store.read_definitions([current.id])
        fields = {} if definition is None else definition.template
    return Asked(context.creator.restore(StoredJob(job_id, now, fields)))


def stretch_of(since: datetime, until: datetime) -> Stretch:
    """[since, until). Raises InvalidArgument or InvalidType for naive moments, and for an end before the beginning."""
    stretch = aware_us(since, "since"), aware_us(until, "until")
    if stretch[0] > stretch[1]:
        raise InvalidArgument(f"since={since.isoformat()} is after until={until.isoformat()}: turn them round")
    return stretch


def not_backfilled(current: Stored, spec: Spec, stretch: Stretch) -> list[int]:
    """The instants (us) of a stretch that no backfill has made yet; the first MAX_COUNTED and one more at most."""
    covered = _read(current.text("backfilled"))
    wanted = (
        nominal
        for nominal in _instants(Occurrences(current.id, spec), *stretch)
        if not any(lo <= nominal < hi for lo, hi in covered)
    )
    return list(islice(wanted, MAX_COUNTED + 1))


def backfill(
    store: Store, current: Stored, spec: Spec, stretch: Stretch, limit: int, now: int, made: list[str]
) -> bool:
    """Makes the runs of those instants that were not backfilled before, adding their job ids to `made`; False when
    somebody else has backfilled the schedule meanwhile."""
    since, until = stretch
    if until > now:
        raise InvalidArgument(
            f"until={from_us(until).isoformat()} lies in the future, and those instants will run by themselves: "
            "give a moment that has passed"
        )
    covered = _read(current.text("backfilled"))
    wanted: list[int] = []
    for nominal in _instants(Occurrences(current.id, spec), since, until):
        if not any(lo <= nominal < hi for lo, hi in covered):
            wanted.append(nominal)
        if len(wanted) + len(made) > limit:
            raise InvalidArgument(
                f"more than {limit} instants between {from_us(since).isoformat()} and {from_us(until).isoformat()}: "
                "give a shorter stretch, or a higher limit="
            )
    at_most = max(1, min(MAX_BATCH, MAX_BATCH_BYTES // max(current.size, 1)))
    while True:
        batch, wanted = wanted[:at_most], wanted[at_most:]
        upto = wanted[0] if wanted else until
        before, covered = covered, _merged([*covered, (since, upto)])
        if before == covered:
            return True
        answer = store.backfill(current.id, _written(before), _written(covered), batch)
        if answer is None:
            _, (now_stored,) = store.read_definitions([current.id], templates=False)
            if now_stored is None or now_stored.text("backfilled") != _written(covered):
                return False
            # It was this very script, sent again when its reply was lost.
            answer = [run_id(current.id, nominal, "b") for nominal in batch]
        made += answer
        if not wanted:
            return True


def _instants(occurrences: Occurrences, since: int, until: int) -> Iterator[int]:
    nominal = occurrences.after(since - 1)
    while nominal is not None and nominal < until:
        yield nominal
        nominal = occurrences.after(nominal)


def _merged(stretches: list[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for lo, hi in sorted(stretches):
        if merged and lo <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(hi, merged[-1][1])
        elif lo < hi:
            merged.append((lo, hi))
    return merged


def _read(text: str) -> list[Stretch]:
    pairs = (stretch.split("..") for stretch in text.split())
    return [(int(lo), int(hi)) for lo, hi in pairs]


def _written(stretches: list[Stretch]) -> str:
    return " ".join(f"{lo}..{hi}" for lo, hi in stretches)
