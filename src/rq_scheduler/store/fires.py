"""Firing schedules: by the plans in their records, by plans that are written now, on request, and from the buffer.

Decides nothing about time: what fires when is in the plans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Spec
from rq_scheduler.planning import Coming, Instant, Missed
from rq_scheduler.runs import run_id
from rq_scheduler.store.base import flag, score_of, text, us_of
from rq_scheduler.store.command import Command, Commands, wire
from rq_scheduler.store.history import missed_part
from rq_scheduler.store.keys import FENCE_HOLDER, FENCE_TTL_MS
from rq_scheduler.store.operation import operation
from rq_scheduler.store.outcomes import Answer, Cursor, Fenced, Fires, read_answer, read_fires
from rq_scheduler.store.plans import Unplanned, plan_at_score, plan_text, policy_text
from rq_scheduler.store.rq_format import DEFAULT_TIMEOUT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FirePage:
    """One call of `fire`. `next_due` is what comes first, `cursor` where the next call of the pass goes on, if there
    may be more. From `unplanned_at` and `to_plan_at` on, `take_to_plan` gives some that are due, and others."""

    fires: Fires
    next_due: int | None
    cursor: Cursor | None
    unplanned_at: int | None
    to_plan_at: int | None


class PlanWrite(msgspec.Struct, frozen=True):
    """A plan for a schedule as it was read. `found`: what the queues' lists say of earlier runs ("gone id ...", "there
    id ..."). `next_meta`: of a recurring job whose runs are counted, its meta after the next one; empty where it
    stays."""

    of: Unplanned
    spec: Spec
    coming: Coming
    made_with: str
    found: str = ""
    next_meta: bytes = b""


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
        dispatcher: str = "",
    ) -> Command[FirePage | Fenced]:
        """Fires what is due by the plans in the records, from `cursor` on: at most so many schedules are looked at
        (`looks`), and so many runs made, of so many bytes of calls (`copies`). The history names the `dispatcher`."""
        budget = (*(cursor or (b"", b"")), looks, runs, copies)
        return self._firing("fire", all_via_rq, *budget, flag(tell), dispatcher, read=_page)

    @operation
    def write_plans(
        self,
        writes: Sequence[PlanWrite],
        lasting: int,
        *,
        all_via_rq: bool = False,
        tell: bool = True,
        dispatcher: str = "",
    ) -> Command[tuple[Fires, list[bool]] | Fenced]:
        """Writes plans, each if its schedule has not changed, and fires what is due by them; up to the moment `lasting`
        (us) also what a later instant has overtaken meanwhile. Returns which were written: of the first ones, and of
        all that it had the time for."""
        metas = b"".join(write.next_meta for write in writes)
        packed = msgspec.msgpack.encode([_entry(write) for write in writes])
        return self._firing("write_plans", all_via_rq, lasting, flag(tell), packed, metas, dispatcher, read=_written)

    @operation
    def start_buffered(
        self,
        looks: int,
        copies: int,
        *,
        found: tuple[str, str] = ("", ""),
        all_via_rq: bool = False,
        tell: bool = True,
        dispatcher: str = "",
    ) -> Command[tuple[Fires, int | None] | Fenced]:
        """Starts buffered runs whose predecessors have ended, of so many schedules at most, or of the one whose earlier
        runs were looked for (`found`: its id, and what was found). Returns when to look again (us)."""
        return self._firing("start_buffered", all_via_rq, looks, copies, flag(tell), *found, dispatcher, read=_started)

    @operation
    def run_now(
        self, id: str, spec: Spec, number: int, at: int, *, force: bool = False, found: str = ""
    ) -> Command[Answer]:
        """Makes the manual run of that number, asked for at that moment (us), if it is the next one."""
        return self._script(
            "run_now",
            self.keys.due_schedules,
            *(DEFAULT_TIMEOUT, flag(False), id, policy_text(spec), number, at, flag(force), found, self.actor),
            read=read_answer,
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
    return FirePage(read_fires(now, fired, more), _time(next_due), cursor, _time(unplanned), _time(to_plan))


def _written(reply: Sequence[Any]) -> tuple[Fires, list[bool]]:
    now, more, left, written, *fired = reply
    return read_fires(now, fired, more, left), [each == ord("1") for each in written]


def _started(reply: Sequence[Any]) -> tuple[Fires, int | None]:
    now, next_look, *fired = reply
    return read_fires(now, fired), _time(next_look)


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
        "" if of.job is None or of.job.repeat is None else str(of.job.repeat),
        len(write.next_meta),
    )


def _as_read(value: str) -> str | msgspec.Raw:
    """A text that Redis compares: byte for byte what it gave, also where that is no UTF-8."""
    if value.isascii():
        return value
    raw = wire(value)
    return msgspec.Raw(b"\xdb" + len(raw).to_bytes(4, "big") + raw)  # as MessagePack writes a long text
