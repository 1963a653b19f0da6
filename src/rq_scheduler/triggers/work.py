"""How much work a trigger may be, counted in candidates: the times, days and periods that a search looks at.

Owns the count and its limit. What is counted does not depend on caches, processors or load, so that a trigger is
accepted everywhere or nowhere. The searches say what they look at (`spend`); whoever asks them opens a `Work`. What is
stored was accepted once, and is judged less strictly (`of_stored`). Knows no trigger.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Self

from rq_scheduler.errors import TriggerTooCostly

__all__ = [
    "COUNTING",
    "MAX_WORK",
    "MORE_OF_STORED",
    "WORK_PER_INSTANT",
    "Work",
    "is_stored",
    "most_of",
    "of_stored",
    "spend",
    "spend_once",
]

MAX_WORK = 100_000
"""Candidates that one question may cost: about a tenth of a second. Ordinary schedules stay below 500."""

WORK_PER_INSTANT = 1_000
"""Candidates more for each instant that is found, so that long series may be asked for, too."""

MORE_OF_STORED = 5
"""So many times as much may cost what is stored: an earlier version accepted more, and what has run goes on."""

_STORED: ContextVar[bool] = ContextVar("stored", default=False)


class of_stored:  # noqa: N801 (it is called as a function; one that yields takes four times as long)
    """Within, triggers come from a record: limits for new ones are not theirs, and they may cost more."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _STORED.set(True)

    def __exit__(self, *_: object) -> None:
        _STORED.reset(self._token)


def is_stored() -> bool:
    """Whether the triggers that are made here come from a record."""
    return _STORED.get()


def most_of(work: int) -> int:
    """So much, or what takes its place for what is stored."""
    return work * MORE_OF_STORED if _STORED.get() else work


class Work:
    """What one question to a trigger costs: the next instant, a plan, a preview. `of` is named by the error.

    Within `with`, the searches of this thread count here. `most` is what it may cost, by default what one question
    may; whoever asks adds WORK_PER_INSTANT for each instant that was found.
    """

    __slots__ = ("_of", "_once", "_token", "done", "most")

    def __init__(self, of: object, most: int | None = None) -> None:
        self.done: int = 0
        self.most: int = most_of(MAX_WORK) if most is None else most
        self._of = of
        self._once: set[object] | None = None
        self._token: Token[Work | None] | None = None

    def __enter__(self) -> Self:
        self._token = COUNTING.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            COUNTING.reset(self._token)

    def spend(self, candidates: int) -> None:
        """Counts so many. Raises TriggerTooCostly when they are more than may be."""
        self.done += candidates
        if self.done > self.most:
            raise TriggerTooCostly(
                f"{self._of!r:.300} takes too much work: {self.done:,} times and days were looked at, which is more "
                "than its instants may cost. Say more directly when it runs: name days and times that come often, "
                "without EXRULE, a high COUNT or BYSETPOS in rare periods; or ask for fewer instants, exclude fewer "
                "days, and make several schedules of it"
            )

    def spend_once(self, what: object, candidates: int) -> None:
        """Counts so many the first time that this is asked for."""
        if self._once is None:
            self._once = set()
        if what not in self._once:
            self._once.add(what)
            self.spend(candidates)


COUNTING: ContextVar[Work | None] = ContextVar("work", default=None)
"""Where searches count; for the inner loop of planning, to which `with` is too slow."""


def spend(candidates: int) -> None:
    """Counts so many for whoever asks; where nobody does, they are free."""
    work = COUNTING.get()
    if work is not None:
        work.spend(candidates)


def spend_once(what: object, candidates: int) -> None:
    """Counts so many for whoever asks, the first time that he does."""
    work = COUNTING.get()
    if work is not None:
        work.spend_once(what, candidates)
