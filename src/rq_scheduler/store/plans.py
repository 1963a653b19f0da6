"""Plans and policies of schedules as texts of their records: what `fire` goes by.

A plan is `nominal:due nominal:due ...` in microseconds, the armed instant first, with `-` at its end if there are no
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from rq_scheduler.model import Spec
from rq_scheduler.planning import PLAN_LEAD_US, Coming, Instant, grace_of
from rq_scheduler.store.base import armed_instant, armed_text, moment, score_of, text, whole
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline, wire
from rq_scheduler.store.operation import operation
from rq_scheduler.store.series import Record


class Unplanned(msgspec.Struct):
    """A schedule that a dispatcher has taken to plan. `nominal` is its armed time and `due` that with jitter; `armed`
    the field of the record, `updated` the moment of its definition (microseconds), `size` the bytes of its call, which
    each run copies, `made_with` what its present plan was made with. `job` is set for a recurring job of the 0.14
    API."""

    id: str
    due: int
    rev: str
    spec: bytes
    armed: str
    nominal: int
    updated: int | None
    size: int
    made_with: str
    job: Record | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a dispatcher has taken to plan at that moment of the server (us); `more`: there may be others."""

    now: int
    schedules: list[Unplanned]
    more: bool


class PlanCommands(Commands):
    """Operations that hand out schedules to be planned."""

    @operation
    def take_to_plan(self, most: int) -> Command[Taken]:
        """Schedules that want a plan, those that are due first. For two seconds nobody else is given them."""
        return self._script(
            "take_to_plan",
            self.keys.due_schedules,
            most,
            read=lambda reply: Taken(int(reply[0]), [_unplanned(*row) for row in reply[2]], reply[1] == b"1"),
        )

    @operation
    def put_off_plans(self, ids: Sequence[str], until: int) -> Procedure[None]:
        """Has schedules taken again at that moment (us), and no sooner, unless they are due before."""
        members = [each for id in ids for each in (score_of(until), wire(id))]
        not_due = call("ZREM", self.keys.unplanned, *members[1::2], read=int)
        yield from pipeline([not_due, call("ZADD", self.keys.to_plan, "XX", *members, read=int)])

    @operation
    def give_back_plans(self, ids: Sequence[str]) -> Procedure[None]:
        """Has others take at once what was taken to be planned."""
        for key in (self.keys.to_plan, self.keys.unplanned):
            yield from self._script("give_back", key, *map(wire, ids))

    @operation
    def taken_until(self) -> Command[int]:
        """The server's time (us) at which the last of what is due and taken now (schedules to be planned, runs that RQ
        has to enqueue) comes again, unless it was done: at most two seconds ahead, and 0 where nothing is."""
        return self._script("read_loans", self.keys.due_schedules, read=lambda reply: int(reply[0]))

    @operation
    def put_aside(self, unplanned: Unplanned, reason: str) -> Command[bool]:
        """Pauses a schedule that cannot be planned, with the reason as its note; False if it has changed meanwhile."""
        return self._script(
            "put_aside",
            self.keys.due_schedules,
            *(wire(unplanned.id), unplanned.rev, score_of(unplanned.due), reason),
            read=lambda reply: reply[0] == b"ok",
        )


def _unplanned(
    id: bytes,
    score: bytes,
    rev: bytes,
    spec: bytes,
    armed: bytes,
    updated: bytes,
    size: bytes,
    made_with: bytes,
    job: Sequence[bytes],
) -> Unplanned:
    at = armed_instant(score, armed)
    name, known, made = text(id), text(rev), text(made_with)
    if not job:
        return Unplanned(name, at.due, known, spec, text(armed), at.nominal, moment(updated), whole(size) or 0, made)
    adopted_meta, adopted_at, meta, created_at, repeat = job
    record = Record(name, at.due, known, spec, adopted_meta, adopted_at, meta, created_at, whole(repeat), at.nominal)
    # What is named before its definition runs too.
    return Unplanned(name, at.due, known, spec, text(armed), at.nominal, None, whole(size) or 0, made, record)


def plan_text(coming: Coming) -> str:
    """The plan of these instants; empty when there are none left."""
    instants = " ".join(map(armed_text, coming.instants))
    return f"{instants} -" if instants and coming.finished else instants


def plan_at_score(armed: Instant, coming: Coming | None) -> str:
    """When a schedule is to be planned next, as a score; empty for never. Without a plan, that is in time for the armed
    instant."""
    at = armed.due - PLAN_LEAD_US if coming is None else coming.plan_at
    return "" if at is None else score_of(at)


def policy_text(spec: Spec) -> str:
    """What a fire has to know of a definition: overlap, catchup, grace (us), max_runs, pause_on_failures; `-` for
    none."""
    limits = (grace_of(spec), spec.max_runs, spec.pause_on_failures)
    catchup = "all" if spec.catchup == "all" else "one"
    return " ".join((spec.overlap, catchup, *("-" if limit is None else str(limit) for limit in limits)))
