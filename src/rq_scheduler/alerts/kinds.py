"""Which kinds of events are told, and which of them end what others began. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final, cast, get_args

from rq_scheduler.aliases import EventKind
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of

__all__ = ["DEFAULT_KINDS", "ENDED_BY", "check_kinds"]

ENDED_BY: Final[Mapping[EventKind, EventKind]] = {
    "failing_began": "recovered",
    "failing": "recovered",
    "overdue": "met",
    "skipping_began": "skipping_ended",
    "unserved_began": "unserved_ended",
}
"""By the kind of event that begins a state, the kind that ends it."""

DEFAULT_KINDS: Final[frozenset[EventKind]] = frozenset(
    {
        "failing_began",
        "failing",
        "overdue",
        "missed",
        "paused_for_failures",
        "quarantined",
        "dispatcher_died",
        "outage",
        "lock_held",
        "unserved_began",
        "logins_refused",
    }
)
"""Those that are told unless others are named: what may need a person."""

_KNOWN: tuple[EventKind, ...] = get_args(EventKind)
_ENDS = frozenset(ENDED_BY.values())


def check_kinds(given: Collection[str]) -> frozenset[EventKind]:
    """The kinds that are named, and those that end what they begin. Raises InvalidType or InvalidArgument, with the
    nearest kind, for what is none, for none at all, and for an end without its beginning."""
    if isinstance(given, str) or not isinstance(given, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"kinds={given!r:.100} is {kind_of(given)}: give a list of kinds of events")
    for each in cast("Collection[Any]", given):
        if not isinstance(each, str):
            raise InvalidType(f"kinds names {each!r:.100}, which is {kind_of(each)}: give text, such as 'overdue'")
        if each not in _KNOWN:
            near = get_close_matches(each, _KNOWN, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_KNOWN)}"
            raise InvalidArgument(f"kinds names {each!r:.100}, which is no kind of event; {remedy}")
    named: frozenset[EventKind] = frozenset(cast("Collection[EventKind]", given))
    if not named:
        raise InvalidArgument("kinds is empty, so that nothing would be told: name some, or leave it out")
    begun: frozenset[EventKind] = frozenset(end for began, end in ENDED_BY.items() if began in named)
    for end in sorted((named & _ENDS) - begun):
        beginnings = " or ".join(repr(began) for began, its_end in ENDED_BY.items() if its_end == end)
        raise InvalidArgument(
            f"kinds names {end!r}, which is told of what was told to begin: name {beginnings}, which brings it along"
        )
    return named.union(begun)
