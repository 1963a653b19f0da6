"""Which schedules are due, a page at a time.

Reads only; what is due when is decided in `planning`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rq_scheduler.planning import Plan
from rq_scheduler.store.base import Operations, score_of, text, us_of, wire
from rq_scheduler.store.base import moment as moment_of
from rq_scheduler.store.base import whole as whole_of
from rq_scheduler.store.handoff import Cursor

# Schedules that are due at once have most of this in common. Nor are the structs below frozen, which would make each
# one three times as dear: there is one of them for every fire.
whole: Callable[[bytes | str | None], int | None] = lru_cache(4096)(whole_of)
moment: Callable[[bytes | str | None], int | None] = lru_cache(4096)(moment_of)


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


@dataclass(frozen=True, slots=True, eq=False)
class SharedPlan:
    """A plan for every schedule of one definition that is armed for one instant, with what the scripts take for it."""

    plan: Plan
    terms: tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True)
class Fired:
    """What was fired by a shared plan: so many runs, in one queue."""

    by: SharedPlan
    queue: str
    runs: int


@dataclass(frozen=True, slots=True)
class DuePage:
    """What one read found. `now` is the server's clock, `next_due` the first to come, `cursor` where the next read goes
    on, if there is more, and `ahead_cursor` where a look ahead does; `places` has that of each in `due`. `remembering`:
    those whose remembered run may start. `fired` is what needs nobody any more, of what could be fired by the plans
    that were `given`."""

    now: int
    next_due: int | None
    cursor: Cursor | None
    due: list[Armed]
    places: list[Cursor]
    ahead: list[Armed]
    ahead_cursor: Cursor | None
    remembering: list[Remembering]
    fired: Sequence[Fired] = ()
    given: Sequence[SharedPlan] = ()


class DueOperations(Operations):
    """Operations that read the schedules which are due, or soon will be."""

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
        asked = page_asked(cursor, limit, look_ahead, ahead, ahead_limit)
        return page_of(self._run("read_due", self.keys.due_schedules, self.keys.prefix, *asked), ahead)

    def still_armed(self, schedules: Sequence[Armed]) -> list[bool]:
        """Which of them are armed for that instant yet: nobody has served them."""
        if not schedules:
            return []
        ids = [wire(armed.id) for armed in schedules]
        scores = self.connection.zmscore(self.keys.due_schedules, ids)
        return [score is not None and us_of(score) == armed.due for armed, score in zip(schedules, scores, strict=True)]


def page_asked(
    cursor: Cursor | None, limit: int, look_ahead: int, ahead: Cursor | None, ahead_limit: int | None
) -> tuple[Any, ...]:
    """Which page, as the scripts take it."""
    most_ahead = limit if ahead_limit is None else ahead_limit
    return (*(cursor or (b"", b"")), limit, score_of(look_ahead), *(ahead or (b"", b"")), most_ahead)


def page_of(reply: Sequence[Any], ahead: Cursor | None) -> DuePage:
    """The page that a script answers; `ahead` is where its look ahead began."""
    now, next_due, last_due, last_id, due, coming, remembering = reply
    return DuePage(
        int(now),
        us_of(next_due) if next_due else None,
        (last_due, last_id) if last_due else None,
        [_armed(row) for row in due],
        [(row[6], row[5]) for row in due],
        [_armed(row) for row in coming],
        (coming[-1][6], coming[-1][5]) if coming else ahead,
        [Remembering(text(id), text(kind), whole(size) or 0) for id, kind, size in remembering],
    )


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
