"""Firing schedules: by the plans in their records, by plans that are written now, on request, and from the buffer.

Decides nothing about time: what fires when is in the plans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Spec
from rq_scheduler.planning import Coming, Instant, Missed
from rq_scheduler.runs import run_id
from rq_scheduler.store.base import flag, score_of, text, us_of
from rq_scheduler.store.command import Command, Commands, wire
from rq_scheduler.store.handoff import Cursor, Fenced, HandedOff
from rq_scheduler.store.history import missed_part
from rq_scheduler.store.keys import FENCE_HOLDER, FENCE_TTL_MS
from rq_scheduler.store.operation import operation
from rq_scheduler.store.plans import Unplanned, plan_at_score, plan_text, policy_text
from rq_scheduler.store.rq_format import DEFAULT_TIMEOUT

T = TypeVar("T")


class Outcome(StrEnum):
    """What became of a fire that is told."""

    DONE = "done"
    WAITING = "waiting"
    CHECK = "check"
    PAUSED = "paused"
    BROKEN = "broken"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one fire that did not just hand off its run. `detail`: the job ids to look for, or why it paused.
    `made` are the runs, which are in their queue, or wait for RQ to enqueue them (`via_rq`); `skipped` and `buffered`
    are nominal times, `to_stop` job ids."""

    id: str
    outcome: Outcome
    queue: str = ""
    detail: str = ""
    made: list[HandedOff] = field(default_factory=list[HandedOff])
    skipped: list[int] = field(default_factory=list[int])
    buffered: list[int] = field(default_factory=list[int])
    to_stop: list[str] = field(default_factory=list[str])
    via_rq: bool = False


@dataclass(frozen=True, slots=True)
class Fires:
    """What a call has fired, and the server's time. `queues` says how many of the runs that need no answer entered each
    queue, `handed_off` which, if that was asked for; `answers` tell of the others. `more_is_due`: something is due
    that was not looked at; `left`: a plan that was written does not serve what is due."""

    now: int
    queues: dict[str, int]
    handed_off: list[HandedOff]
    answers: list[Answer]
    more_is_due: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True)
class FirePage:
    """One call of `fire`. `next_due` is what comes first, `cursor` where the next call of the pass goes on, if there
    may be more. From `unplanned_at` and `to_plan_at` on, `take_to_plan` gives some that are due, and others."""

    fires: Fires
    next_due: int | None
    cursor: Cursor | None
    unplanned_at: int | None
    to_plan_at: int | None


@dataclass(frozen=True, slots=True)
class PlanWrite:
    """A plan for a schedule as it was read. `found`: what the queues' lists say of earlier runs ("gone id ...", "there
    id ...")."""

    of: Unplanned
    spec: Spec
    coming: Coming
    made_with: str
    found: str = ""


class FireCommands(Commands):
    """Operations that make runs of schedules."""

    @operation
    def fire(
        self,
        cursor: Cursor | None,
        *,
        looks: int,
        runs: int,
        copies: int,
        all_via_rq: bool = False,
        tell: bool = True,
    ) -> Command[FirePage | Fenced]:
        """Fires what is due by the plans in the records, from `cursor` on: at most so many schedules are looked at
        (`looks`), and so many runs made, of so many bytes of calls (`copies`)."""
        return self._firing("fire", all_via_rq, *(cursor or (b"", b"")), looks, runs, copies, flag(tell), read=_page)

    @operation
    def write_plans(
        self, writes: Sequence[PlanWrite], lasting: int, *, all_via_rq: bool = False, tell: bool = True
    ) -> Command[tuple[Fires, list[bool]] | Fenced]:
        """Writes plans, each if its schedule has not changed, and fires what is due by them; up to the moment `lasting`
        (us) also what a later instant has overtaken meanwhile. Returns which were written."""
        packed = msgspec.msgpack.encode([_entry(write) for write in writes])
        return self._firing("write_plans", all_via_rq, lasting, flag(tell), packed, read=_written)

    @operation
    def start_buffered(
        self, looks: int, copies: int, *, found: tuple[str, str] = ("", ""), all_via_rq: bool = False, tell: bool = True
    ) -> Command[tuple[Fires, int | None, list[str]] | Fenced]:
        """Starts buffered runs whose predecessors have ended, of so many schedules at most, or of the one whose earlier
        runs were looked for (`found`: its id, and what was found). Returns when to look again (us), and the recurring
        jobs of the 0.14 API that buffer a run."""
        return self._firing("start_buffered", all_via_rq, looks, copies, flag(tell), *found, read=_started)

    @operation
    def run_now(
        self, id: str, spec: Spec, number: int, at: int, *, force: bool = False, found: str = ""
    ) -> Command[Answer]:
        """Makes the manual run of that number, asked for at that moment (us), if it is the next one."""
        return self._script(
            "run_now",
            self.keys.due_schedules,
            *(DEFAULT_TIMEOUT, flag(False), id, policy_text(spec), number, at, flag(force), found, self.actor),
            read=_answer,
        )

    @operation
    def backfill(self, id: str, covered: str, covers: str, nominals: Sequence[int]) -> Command[list[str] | None]:
        """Hands off a run for each of these instants, and notes the stretches of time that are covered now; None when
        others have changed them meanwhile. Raises InvalidArgument when the schedule cannot run."""

        def read(reply: Sequence[bytes]) -> list[str] | None:
            outcome, *detail = reply
            if outcome == b"broken":
                raise InvalidArgument(f"schedule {id!r} cannot run: {text(detail[0])}")
            return [text(job_id) for job_id in detail[1:]] if outcome == b"ok" else None

        runs = [each for nominal in nominals for each in (nominal, run_id(id, nominal, "b"))]
        return self._script(
            "backfill", self.keys.due_schedules, *(id, DEFAULT_TIMEOUT, covered, covers, self.actor, *runs), read=read
        )

    def _firing(
        self, name: str, all_via_rq: bool, *arguments: Any, read: Callable[[Sequence[Any]], T]
    ) -> Command[T | Fenced]:
        """A script that does nothing while a 0.14 daemon holds its lock."""
        lock = (self.keys.fence if self.keys.fenced else "", FENCE_HOLDER, FENCE_TTL_MS)

        def read_unless_fenced(reply: Sequence[Any]) -> T | Fenced:
            what, *rest = reply
            return Fenced(int(rest[0]), text(rest[1]), int(rest[2])) if what == b"fenced" else read(rest)

        return self._script(
            name,
            self.keys.due_schedules,
            *(*lock, DEFAULT_TIMEOUT, flag(all_via_rq), *arguments),
            read=read_unless_fenced,
        )


def _page(reply: Sequence[Any]) -> FirePage:
    now, next_due, last_due, last_id, unplanned, to_plan, more, *fired = reply
    cursor = (last_due, last_id) if last_due else None
    return FirePage(_fires(now, fired, more), _time(next_due), cursor, _time(unplanned), _time(to_plan))


def _written(reply: Sequence[Any]) -> tuple[Fires, list[bool]]:
    now, more, left, written, *fired = reply
    return _fires(now, fired, more, left), [each == ord("1") for each in written]


def _started(reply: Sequence[Any]) -> tuple[Fires, int | None, list[str]]:
    now, next_look, jobs, *fired = reply
    return _fires(now, fired), _time(next_look), [text(id) for id in jobs]


def _time(score: bytes) -> int | None:
    return us_of(score) if score else None


def _entry(write: PlanWrite) -> tuple[str | int | msgspec.Raw, ...]:
    """One plan as the script takes it; times as decimal texts, since Lua would round them."""
    of, coming = write.of, write.coming
    missed: Missed | None = coming.missed
    return (
        _as_read(of.id),
        _as_read(of.rev),
        score_of(of.due),
        _as_read(of.armed),
        plan_text(coming),
        policy_text(write.spec),
        write.made_with,
        plan_at_score(Instant(of.nominal, of.due), coming),
        0 if missed is None else missed.count,
        "" if missed is None else missed_part(missed),
        _as_read(write.found),
    )


def _as_read(value: str) -> str | msgspec.Raw:
    """A text that Redis compares: byte for byte what it gave, also where that is no UTF-8."""
    if value.isascii():
        return value
    raw = wire(value)
    return msgspec.Raw(b"\xdb" + len(raw).to_bytes(4, "big") + raw)  # as MessagePack writes a long text


def _fires(now: bytes, fired: Sequence[Any], more: bytes = b"0", left: bytes = b"0") -> Fires:
    counts, told, answers = fired
    return Fires(
        int(now),
        {text(queue): number for queue, number in zip(counts[::2], counts[1::2], strict=True)},
        [
            HandedOff(text(id), int(due), text(queue))
            for id, due, queue in zip(told[::3], told[1::3], told[2::3], strict=True)
        ],
        [_answer(row) for row in answers],
        more == b"1",
        left == b"1",
    )


def _answer(row: Sequence[Any]) -> Answer:
    id, outcome, queue, detail, runs, skipped, buffered, to_stop, via_rq = row
    return Answer(
        text(id),
        Outcome(text(outcome)),
        text(queue),
        text(detail),
        [HandedOff(text(job_id), int(due), text(queue)) for job_id, due in zip(runs[::2], runs[1::2], strict=True)],
        [int(nominal) for nominal in skipped],
        [int(nominal) for nominal in buffered],
        [text(job_id) for job_id in to_stop],
        via_rq == b"1",
    )
