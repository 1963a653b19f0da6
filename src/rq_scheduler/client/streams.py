"""What `scheduler.audit` and `scheduler.events` share: the arguments of a read, and what it picks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, get_args

from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.store.streams import NOTHING, StreamEntry
from rq_scheduler.triggers.base import aware_us, not_negative

__all__ = ["bounds", "picked", "place_of", "words"]


def bounds(since: datetime | None, until: datetime | None) -> tuple[int | None, int | None]:
    """[since, until) in microseconds. Raises InvalidArgument or InvalidType for what is no aware moment, and for an end
    before the beginning."""
    first = None if since is None else aware_us(since, "since")
    last = None if until is None else aware_us(until, "until")
    if since is not None and until is not None and first is not None and last is not None and first > last:
        raise InvalidArgument(f"since={since.isoformat()} is after until={until.isoformat()}: turn them round")
    return first, last


def place_of(given: str | None, name: str) -> str | None:
    """The place of an entry; None for None. Raises InvalidArgument for what is none."""
    if given is None:
        return None
    ms, _, number = given.partition("-") if isinstance(given, str) else ("", "", "")  # pyright: ignore[reportUnnecessaryIsInstance]
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in (ms, number)):
        raise InvalidArgument(
            f"{name}={given!r:.100} is no place of an entry: give its `place`, {NOTHING!r} for the beginning, or None"
        )
    return given


def words(given: str | Collection[str] | None, name: str, of: Any) -> frozenset[str] | None:
    """The words that are looked for, of those of a Literal; None for any. One may be given as itself."""
    if given is None:
        return None
    known: tuple[str, ...] = get_args(of)
    if not isinstance(given, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]  (users without a type checker)
        raise InvalidType(f"{name}={given!r} is {kind_of(given)}: give one of {', '.join(known)}, or several")
    wanted = [given] if isinstance(given, str) else list(given)
    for word in wanted:
        if word not in known:
            raise InvalidArgument(f"{name}={given!r}: there is no {word!r}; known are {', '.join(known)}")
    return frozenset(wanted)


def picked(found: Iterable[StreamEntry], limit: int | None, **wanted: Collection[str] | None) -> Iterator[StreamEntry]:
    """Those of the entries, `limit` at most, whose fields are one of what is wanted (None: any)."""
    not_negative(limit=0 if limit is None else limit)
    tests = {
        name: frozenset([values] if isinstance(values, str) else values)
        for name, values in wanted.items()
        if values is not None
    }
    return islice(
        (each for each in found if all(each.fields.get(name) in values for name, values in tests.items())), limit
    )
