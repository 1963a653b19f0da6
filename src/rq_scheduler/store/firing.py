"""Schedules as dispatchers see them: what is due, and the commit of planned fires. Also the runs that people ask for,
which are made by the same step.

Writes what it is told; what fires when is decided in `planning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.planning import Instant, Plan
from rq_scheduler.runs import run_id
from rq_scheduler.schedule import Spec
from rq_scheduler.store.base import Operations, score_of, text, us_of, wire
from rq_scheduler.store.handoff import Cursor, Fenced, HandedOff
from rq_scheduler.store.history import missed_part
from rq_scheduler.store.rq_format import DEFAULT_TIMEOUT


class Mode(StrEnum):
    """Why a schedule is looked at: an instant is due, a remembered run may start, a person wants a run now."""

    DUE = "due"
    REMEMBERED = "remembered"
    MANUAL = "manual"


class Commit(StrEnum):
    """What became of one planned fire."""

    DONE = "done"
    STALE = "stale"
    EARLY = "early"
    WAITING = "waiting"
    VERIFY = "verify"
    PAUSED = "paused"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Armed:
    """What a plan needs of a schedule. `nominal` is its armed time and `due` that with jitter; `updated` the moment of
    its definition. Microseconds. `size`: bytes of the call, which each run copies."""

    id: str
    due: int
    rev: str
    spec: bytes
    nominal: int
    updated: int | None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Remembering:
    """A schedule that remembers a run: its kind, and bytes of the call, which the run copies."""

    id: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class DuePage:
    """What one read found. `now` is the server's clock, `next_due` the first to come, `cursor` where the next read goes
    on, if there is more. `remembering`: those whose remembered run may start."""

    now: int
    next_due: int | None
    cursor: Cursor | None
    due: list[Armed]
    ahead: list[Armed]
    remembering: list[Remembering]


@dataclass(frozen=True, slots=True)
class ScheduleFire:
    """One schedule's part of a commit. `armed` and `plan` are for an instant that is due; `number` and `at`
    (microseconds) for a manual run. `looked_for` are ids of runs that may be lost, `found` whether a queue has any.
    `size`: bytes of the call, which each run copies."""

    id: str
    spec: Spec | None
    mode: Mode
    armed: Armed | None = None
    plan: Plan | None = None
    number: int | None = None
    at: int = 0
    force: bool = False
    looked_for: str = ""
    found: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """The answer for one schedule. `detail`: the job ids to look for, or why it paused. `made` are the runs, which are
    in their queue, or wait among the one-offs where `through_rq`. `skipped` and `remembered` are nominal times,
    `to_stop` job ids."""

    outcome: Commit
    detail: str = ""
    made: list[HandedOff] = field(default_factory=list[HandedOff])
    skipped: list[int] = field(default_factory=list[int])
    remembered: list[int] = field(default_factory=list[int])
    to_stop: list[str] = field(default_factory=list[str])
    through_rq: bool = False


class FiringOperations(Operations):
    """Operations that make runs of schedules."""

    def read_due(self, cursor: Cursor | None, limit: int, look_ahead: int) -> DuePage:
        """A page of due schedules from `cursor` on, and of those that are due within `look_ahead` microseconds."""
        now, next_due, last_due, last_id, due, ahead, remembering = self._run(
            "read_due",
            self.keys.due_schedules,
            *(self.keys.prefix, *(cursor or (b"", b"")), limit, score_of(look_ahead)),
        )
        return DuePage(
            int(now),
            us_of(next_due) if next_due else None,
            (last_due, last_id) if last_due else None,
            [_armed(row) for row in due],
            [_armed(row) for row in ahead],
            [Remembering(text(id), text(kind), int(size)) for id, kind, size in remembering],
        )

    def fire_schedules(
        self, fires: Sequence[ScheduleFire], *, all_slow: bool = False, fenced: bool = True
    ) -> tuple[int, list[Committed]] | Fenced:
        """Commits fires, each if nothing has changed. Returns the server's time and an answer for each.

        `fenced` False is for a run that a person asks for: no 0.14 daemon knows of schedules."""
        fence = self._fence if fenced else ("", "", 0)
        arguments: list[Any] = [self.keys.prefix, *fence, DEFAULT_TIMEOUT, "1" if all_slow else "0"]
        for fire in fires:
            arguments += _fire_arguments(fire)
        reply = self._run("fire_schedules", self.keys.due_schedules, *arguments)
        if reply[0] == b"fenced":
            return Fenced(int(reply[1]), text(reply[2]), int(reply[3]))
        return int(reply[1]), [_committed(row) for row in reply[2:]]

    def backfill(self, id: str, covered: str, covers: str, nominals: Sequence[int]) -> list[str] | None:
        """Hands off a run for each of these instants, and notes the stretches of time that are covered now; None when
        others have changed them meanwhile. Raises InvalidArgument when the schedule cannot run."""
        runs = [each for nominal in nominals for each in (nominal, run_id(id, nominal, "b"))]
        outcome, *detail = self._run(
            "backfill", self.keys.due_schedules, self.keys.prefix, id, DEFAULT_TIMEOUT, covered, covers, *runs
        )
        if outcome == b"broken":
            raise InvalidArgument(f"schedule {id!r} cannot run: {text(detail[0])}")
        return [text(job_id) for job_id in detail[1:]] if outcome == b"ok" else None

    def put_aside(self, armed: Armed, reason: str) -> bool:
        """Pauses a schedule that cannot be planned, with the reason as its note; False if it has changed meanwhile."""
        reply = self._run(
            "put_aside",
            self.keys.due_schedules,
            *(self.keys.prefix, wire(armed.id), armed.rev, score_of(armed.due), reason),
        )
        return reply[0] == b"ok"


def _armed(row: Sequence[bytes]) -> Armed:
    id, due, rev, spec, armed, updated, size = row
    nominal, _, armed_due = text(armed).partition(":")
    at = us_of(due)
    # A score that is not the armed one was written by hand: that is the time which is meant.
    moved = not armed_due or int(armed_due) != at
    return Armed(
        text(id), at, text(rev), spec, at if moved else int(nominal), int(updated) if updated else None, int(size)
    )


def _fire_arguments(fire: ScheduleFire) -> list[Any]:
    spec, plan, armed = fire.spec, fire.plan, fire.armed
    arguments: list[Any] = [wire(fire.id), fire.mode]
    if plan is not None and armed is not None:
        following = plan.next
        arguments += [
            armed.rev,
            score_of(armed.due),
            plan.not_before,
            "" if plan.valid_until is None else plan.valid_until,
            "" if following is None else score_of(following.due),
            "" if following is None else f"{following.nominal}:{following.due}",
        ]
    else:
        arguments += ["", "", "", "", "", ""]
    missed = None if plan is None else plan.missed
    arguments += [
        "allow" if fire.force or spec is None else spec.overlap,
        "" if spec is None or spec.max_runs is None else spec.max_runs,
        "" if spec is None or spec.pause_on_failures is None else spec.pause_on_failures,
        missed.count if missed else 0,
        missed_part(missed) if missed else "",
        fire.looked_for,
        fire.found,
        "" if fire.number is None else fire.number,
    ]
    if fire.mode is Mode.MANUAL:
        runs = [(Instant(fire.at, fire.at), f"m{fire.number}")]
    else:
        runs = [(instant, "") for instant in plan.fires] if plan else []
    arguments.append(len(runs))
    for instant, suffix in runs:
        arguments += [instant.nominal, instant.due, wire(run_id(fire.id, instant.nominal, suffix))]
    return arguments


def _committed(row: Sequence[Any]) -> Committed:
    outcome, queue, detail, made, skipped, remembered, to_stop, through_rq = row
    return Committed(
        Commit(text(outcome)),
        text(detail),
        [HandedOff(text(id), int(due), text(queue)) for id, due in zip(made[::2], made[1::2], strict=True)],
        [int(nominal) for nominal in skipped],
        [int(nominal) for nominal in remembered],
        [text(id) for id in to_stop],
        through_rq == b"1",
    )
