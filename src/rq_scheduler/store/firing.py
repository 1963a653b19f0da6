"""The commit of planned fires. Also the runs that people ask for, which are made by the same step.

Writes what it is told; what fires when is decided in `planning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Spec
from rq_scheduler.planning import Instant, Plan
from rq_scheduler.runs import run_ending, run_id
from rq_scheduler.store.base import Operations, score_of, text, wire
from rq_scheduler.store.due import Armed
from rq_scheduler.store.handoff import Fenced, HandedOff
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


@dataclass(slots=True)
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


@dataclass(slots=True)
class PackedFires:
    """Fires with what the script takes for them: the plans, those that schedules share once; for each fire the number
    of its plan and the lengths of its id and rev (both MessagePack); and those. Redis takes three arguments apart
    faster than three for each fire."""

    fires: Sequence[ScheduleFire]
    arguments: tuple[bytes, bytes, bytes]


@dataclass(slots=True)
class Committed:
    """The answer for one schedule. `detail`: the job ids to look for, or why it paused. `made` are the runs, which are
    in their queue, or wait among the one-offs where `through_rq`; `runs` is how many. `skipped` and `remembered` are
    nominal times, `to_stop` job ids."""

    outcome: Commit
    detail: str = ""
    queue: str = ""
    runs: int = 0
    made: list[HandedOff] = field(default_factory=list[HandedOff])
    skipped: list[int] = field(default_factory=list[int])
    remembered: list[int] = field(default_factory=list[int])
    to_stop: list[str] = field(default_factory=list[str])
    through_rq: bool = False


class FiringOperations(Operations):
    """Operations that make runs of schedules."""

    def fire_schedules(
        self, packed: PackedFires, *, all_slow: bool = False, fenced: bool = True, tell: bool = True
    ) -> tuple[int, list[Committed]] | Fenced:
        """Commits fires, each if nothing has changed. Returns the server's time and an answer for each. Without `tell`,
        the runs of those that went as planned are only counted.

        `fenced` False is for a run that a person asks for: no 0.14 daemon knows of schedules."""
        fence = self._fence if fenced else ("", "", 0)
        reply = self._run(
            "fire_schedules",
            self.keys.due_schedules,
            *(self.keys.prefix, *fence, DEFAULT_TIMEOUT, "1" if all_slow else "0", *packed.arguments),
        )
        if reply[0] == b"fenced":
            return Fenced(int(reply[1]), text(reply[2]), int(reply[3]))
        counts: dict[tuple[bytes, int], Committed] = {}
        answers: list[Committed] = []
        for fire, row in zip(packed.fires, reply[2:], strict=True):
            if tell or not isinstance(row, bytes):
                answers.append(_committed(fire, row))
                continue
            key = (row, id(fire.plan))
            if key not in counts:
                counts[key] = Committed(Commit.DONE, queue=text(row), runs=len(_instants(fire)))
            answers.append(counts[key])
        return int(reply[1]), answers

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


def pack(fires: Sequence[ScheduleFire]) -> PackedFires:
    """What a commit needs, made before its turn."""
    plans: list[dict[str, Any]] = []
    numbers: list[int] = []
    names: list[bytes] = []
    known: dict[tuple[int, ...], int] = {}
    for fire in fires:
        armed = fire.armed
        if armed is None or fire.looked_for:
            key = (id(fire),)
        else:
            key = (id(fire.plan), id(fire.spec), armed.due)
        number = known.get(key)
        if number is None:
            plans.append(_terms(fire))
            number = known[key] = len(plans)
        name, rev = wire(fire.id), b"" if armed is None else wire(armed.rev)
        numbers += (number, len(name), len(rev))
        names += (name, rev)
    return PackedFires(fires, (msgspec.msgpack.encode(plans), msgspec.msgpack.encode(numbers), b"".join(names)))


def _instants(fire: ScheduleFire) -> tuple[Instant, ...]:
    return () if fire.plan is None else fire.plan.fires


def _terms(fire: ScheduleFire) -> dict[str, Any]:
    """What the script has to know beside the id and the rev; times as decimal texts, since Lua would round them."""
    spec, plan = fire.spec, fire.plan
    terms: dict[str, Any] = {
        "mode": fire.mode,
        "overlap": "allow" if fire.force or spec is None else spec.overlap,
        "most_runs": None if spec is None else spec.max_runs,
        "most_failures": None if spec is None else spec.pause_on_failures,
        "number": fire.number,
        "found": fire.found or None,
        # Ids that are no text are none of ours.
        "looked_for": fire.looked_for.encode(errors="replace").decode() or None,
    }
    if plan is not None and fire.armed is not None:
        following, missed = plan.next, plan.missed
        terms["due"] = score_of(fire.armed.due)
        terms["not_before"] = str(plan.not_before)
        terms["valid_until"] = None if plan.valid_until is None else str(plan.valid_until)
        if following is not None:
            terms["next"], terms["armed"] = score_of(following.due), f"{following.nominal}:{following.due}"
        if missed is not None:
            terms["missed"], terms["missed_line"] = missed.count, missed_part(missed)
    if fire.mode is Mode.MANUAL:
        instants = [(fire.at, fire.at, run_ending(fire.at, f"m{fire.number}"))]
    else:
        instants = [(each.nominal, each.due, run_ending(each.nominal)) for each in plan.fires] if plan else []
    terms["instants"] = [(str(nominal), str(due), ending) for nominal, due, ending in instants]
    return {name: value for name, value in terms.items() if value is not None}


def _committed(fire: ScheduleFire, row: Any) -> Committed:
    if isinstance(row, bytes):
        queue = text(row)
        made = [HandedOff(run_id(fire.id, each.nominal), each.due, queue) for each in _instants(fire)]
        return Committed(Commit.DONE, "", queue, len(made), made)
    outcome, queue, detail, runs, skipped, remembered, to_stop, through_rq = row
    made = [HandedOff(text(id), int(due), text(queue)) for id, due in zip(runs[::2], runs[1::2], strict=True)]
    return Committed(
        Commit(text(outcome)),
        text(detail),
        text(queue),
        len(made),
        made,
        [int(nominal) for nominal in skipped],
        [int(nominal) for nominal in remembered],
        [text(id) for id in to_stop],
        through_rq == b"1",
    )
