"""Schedules as dispatchers see them: what is due, and the commit of planned fires. Also the runs that people ask for,
which are made by the same step.

Writes what it is told; what fires when is decided in `planning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.planning import Instant, Plan
from rq_scheduler.runs import run_ending, run_id
from rq_scheduler.schedule import Spec
from rq_scheduler.store.base import Operations, score_of, text, us_of, wire
from rq_scheduler.store.base import moment as moment_of
from rq_scheduler.store.base import whole as whole_of
from rq_scheduler.store.handoff import Cursor, Fenced, HandedOff
from rq_scheduler.store.history import missed_part
from rq_scheduler.store.rq_format import DEFAULT_TIMEOUT

# Schedules that are due at once have most of this in common. Nor are the structs below frozen, which would make each
# one three times as dear: there is one of them for every fire.
whole = lru_cache(4096)(whole_of)
moment = lru_cache(4096)(moment_of)


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
    on, if there is more, and `ahead_cursor` where a look ahead does. `remembering`: those whose remembered run may
    start."""

    now: int
    next_due: int | None
    cursor: Cursor | None
    due: list[Armed]
    ahead: list[Armed]
    ahead_cursor: Cursor | None
    remembering: list[Remembering]


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

    def read_due(
        self,
        cursor: Cursor | None,
        limit: int,
        look_ahead: int,
        *,
        ahead: Cursor | None = None,
        ahead_limit: int | None = None,
    ) -> DuePage:
        """A page of due schedules from `cursor` on, and of those that are due within `look_ahead` microseconds, from
        `ahead` on."""
        now, next_due, last_due, last_id, due, coming, remembering = self._run(
            "read_due",
            self.keys.due_schedules,
            *(self.keys.prefix, *(cursor or (b"", b"")), limit, score_of(look_ahead)),
            *(*(ahead or (b"", b"")), limit if ahead_limit is None else ahead_limit),
        )
        return DuePage(
            int(now),
            us_of(next_due) if next_due else None,
            (last_due, last_id) if last_due else None,
            [_armed(row) for row in due],
            [_armed(row) for row in coming],
            (coming[-1][6], coming[-1][5]) if coming else ahead,
            [Remembering(text(id), text(kind), whole(size) or 0) for id, kind, size in remembering],
        )

    def still_armed(self, schedules: Sequence[Armed]) -> list[bool]:
        """Which of them are armed for that instant yet: nobody has served them."""
        if not schedules:
            return []
        ids = [wire(armed.id) for armed in schedules]
        scores = self.connection.zmscore(self.keys.due_schedules, ids)
        return [score is not None and us_of(score) == armed.due for armed, score in zip(schedules, scores, strict=True)]

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


def _armed(row: Sequence[bytes | None]) -> Armed:
    rev, spec, armed, updated, size, id, score = row
    due, nominal = _times(score or b"", armed or b"")
    return Armed(text(id or b""), due, text(rev or b""), spec or b"", nominal, moment(updated), whole(size) or 0)


@lru_cache(4096)
def _times(score: bytes, armed: bytes) -> tuple[int, int]:
    """When it is due, and its nominal time."""
    nominal, _, armed_due = armed.partition(b":")
    at, named = us_of(score), moment_of(nominal)
    # A score that is not the armed one was written by hand: that is the time which is meant.
    return at, at if named is None or whole_of(armed_due) != at else named


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
