"""What the groups of store operations share: texts and numbers as Redis holds them.

Knows no operation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from rq_scheduler.planning import Instant
from rq_scheduler.store.clock import ClockCommands
from rq_scheduler.store.command import script
from rq_scheduler.store.command import wire as wire  # as long as Operations stands here
from rq_scheduler.store.executor import Executor
from rq_scheduler.store.keys import FENCE_HOLDER, FENCE_TTL_MS, Keys
from rq_scheduler.triggers import MAX_US, MIN_US

_US = 1_000_000
_FARTHEST = 1e12
_DIGITS = 20

MOST = 2**32
"""More entries than one Redis holds: scripts count exactly so far."""


def score_of(us: int) -> str:
    """Microseconds as the decimal seconds of a zset score."""
    whole, fraction = divmod(abs(us), _US)
    return f"{'-' if us < 0 else ''}{whole}.{fraction:06d}"


def us_of(score: bytes | str | float) -> int:
    """A zset score (unix seconds) in microseconds; one that is no time (inf) becomes one beyond all others."""
    at = max(-_FARTHEST, min(_FARTHEST, float(score)))
    # The whole of it in microseconds has more digits than a double: what is finer than them would round either way.
    seconds = math.floor(at)
    return seconds * _US + round((at - seconds) * _US)


def whole(value: bytes | str | None) -> int | None:
    """A number of a record; None for what is none, which anybody may have written: it must not hide the others."""
    try:
        return int(value) if value and len(value) < _DIGITS else None
    except ValueError:
        return None


def moment(value: bytes | str | None) -> int | None:
    """Microseconds of a record; None for what is no time that a datetime can hold."""
    us = whole(value)
    return us if us is not None and MIN_US <= us <= MAX_US else None


def text(value: bytes | str) -> str:
    """An id or a queue name as Redis holds it; bytes that are no UTF-8 survive the way back through `wire`."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def flag(value: bool) -> str:
    """A truth value as scripts take it."""
    return "1" if value else "0"


def armed_text(instant: Instant) -> str:
    """An instant, as a plan and the field `armed` have it."""
    return f"{instant.nominal}:{instant.due}"


@lru_cache(4096)
def armed_instant(score: bytes | float, armed: bytes) -> Instant:
    """The instant that is armed, by the index and the field `armed`. A score that is another than that field's was
    written by hand: that is the time which is meant."""
    nominal, _, armed_due = armed.partition(b":")
    due, named = us_of(score), moment(nominal)
    return Instant(due if named is None or whole(armed_due) != due else named, due)


def is_misfit(error: BaseException) -> bool:
    """Whether a key holds something of another type than it should."""
    return "WRONGTYPE" in str(error)


def mapping(reply: Any) -> Mapping[bytes, bytes]:
    """A hash from a reply that is one, or the flat list of a client that reads replies otherwise."""
    return cast("dict[bytes, bytes]", reply) if isinstance(reply, dict) else pairs(reply)


def pairs(flat: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """A hash from the flat list that a script returns."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def scores(reply: Any) -> dict[str, float]:
    """The members of a zset from a reply WITHSCORES: a flat list, or the pairs that a newer redis-py makes of it."""
    found = cast("list[Any]", reply)
    if found and not isinstance(found[0], tuple | list):
        found = list(zip(found[::2], found[1::2], strict=True))
    return {text(member): float(score) for member, score in found}


def fence_arguments(keys: Keys) -> tuple[str, str, int]:
    """The arguments with which a script checks and renews the fence."""
    return (keys.fence if keys.fenced else "", FENCE_HOLDER, FENCE_TTL_MS)


def is_ok(reply: Sequence[Any]) -> bool:
    """Whether a script did what it was asked for."""
    return reply[0] == b"ok"


class Operations(Executor, ClockCommands):
    """Operations that are not commands yet."""

    def _run(self, name: str, key: str, *arguments: Any) -> Any:
        return self.run(script(name, key, *arguments))

    @property
    def _fence(self) -> tuple[str, str, int]:
        return fence_arguments(self.keys)
