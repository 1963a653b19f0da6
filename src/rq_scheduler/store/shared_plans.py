"""Fires by plans that schedules share: those of one definition that are armed for one instant.

What such a plan does not serve at once is left to `firing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import msgspec

from rq_scheduler.planning import Instant, Plan
from rq_scheduler.runs import run_ending
from rq_scheduler.store.base import Operations, score_of, text
from rq_scheduler.store.due import Armed, DuePage, Fired, SharedPlan, page_asked, page_of
from rq_scheduler.store.handoff import Cursor, Fenced
from rq_scheduler.store.rq_format import DEFAULT_TIMEOUT


def shared_plan(armed: Armed, plan: Plan, overlap: str) -> SharedPlan:
    """The plan that was made for one schedule, for others to share: one run, and another to come."""
    (run,), following = plan.fires, cast("Instant", plan.next)
    return SharedPlan(
        plan,
        (
            armed.spec.decode(),
            f"{armed.nominal}:{armed.due}",
            overlap,
            score_of(armed.due),
            plan.not_before,
            plan.valid_until,
            str(run.nominal),
            str(run.due),
            run_ending(run.nominal),
            score_of(following.due),
            f"{following.nominal}:{following.due}",
        ),
    )


class SharedPlanOperations(Operations):
    """The operation that fires by shared plans."""

    def fire_due(
        self,
        plans: Sequence[SharedPlan],
        fires: int,
        copies: int,
        cursor: Cursor | None,
        limit: int,
        look_ahead: int,
        *,
        ahead: Cursor | None = None,
        ahead_limit: int | None = None,
    ) -> DuePage | Fenced:
        """A page as `read_due` gives it, of which those are fired at once whose fire is plain by one of the plans; with
        the others in it. It ends with so many `fires`, and fires no more than have `copies` bytes of calls."""
        reply = self._run(
            "fire_due",
            self.keys.due_schedules,
            *(self.keys.prefix, *page_asked(cursor, limit, look_ahead, ahead, ahead_limit)),
            *(*self._fence, DEFAULT_TIMEOUT, fires, copies, msgspec.msgpack.encode([each.terms for each in plans])),
        )
        if reply[0] == b"fenced":
            return Fenced(int(reply[1]), text(reply[2]), int(reply[3]))
        *page, told = reply
        threes = (told[first : first + 3] for first in range(0, len(told), 3))
        fired = [Fired(plans[int(number) - 1], text(queue), runs) for number, queue, runs in threes]
        return replace(page_of(page, ahead), fired=fired, given=plans)
