"""Reading the streams of the audit and of the events. An entry's id is its time, to the millisecond.

Knows no action and no kind. What writes them are the scripts that do what they tell of (`lua/include/audit.lua`,
`lua/include/events.lua`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from rq_scheduler.store.base import mapping, text
from rq_scheduler.store.command import Command, Listing, call
from rq_scheduler.triggers import MAX_US

__all__ = [
    "NOTHING",
    "PAGE",
    "StreamEntry",
    "entries_of",
    "newest_first",
    "newest_place",
    "place_at",
    "read_behind",
    "time_of",
]

PAGE = 500
"""Entries in one read."""

NOTHING = "0-0"
"""The place before all entries."""

_MS = 1000
_decode, _AS_TEXT = bytes.decode, ("utf-8", "surrogateescape")


class StreamEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry: its place in the stream (Redis's id of it), its time in microseconds, and what it says."""

    place: str
    at: int
    fields: Mapping[str, str]


def newest_first(stream: str, since: int | None, until: int | None, before: str | None = None) -> Listing[StreamEntry]:
    """The entries of [since, until) (microseconds), or of those before a place, newest first, read a page a round
    trip."""
    first = "-" if since is None else place_at(since)
    last = "+" if until is None else f"({place_at(until)}"
    if before is not None:
        last = f"({before}"
    while True:
        page = yield from call("XREVRANGE", stream, last, first, "COUNT", PAGE, read=entries_of)
        yield from page
        if len(page) < PAGE:
            return
        last = f"({page[-1].place}"


def read_behind(stream: str, place: str, block_ms: int) -> Command[list[StreamEntry]]:
    """The entries behind a place, oldest first; where there are none, waits for one so long."""
    return call("XREAD", "COUNT", PAGE, "BLOCK", block_ms, "STREAMS", stream, place, read=_of_one_stream)


def newest_place(stream: str) -> Command[str]:
    """The place of the newest entry."""
    return call("XREVRANGE", stream, "+", "-", "COUNT", 1, read=lambda rows: text(rows[0][0]) if rows else NOTHING)


def place_at(us: int) -> str:
    """The least place of that moment, or of the first millisecond after it."""
    ms = -(-us // _MS)
    return f"{ms}-0" if ms > 0 else "0-1"


def time_of(place: bytes) -> int:
    """The moment (us) of a place."""
    ms, _, _ = place.partition(b"-")  # anybody may have added an entry with an id of his own
    return min(int(ms) * _MS, MAX_US)


def _of_one_stream(reply: Any) -> list[StreamEntry]:
    if not reply:
        return []
    if isinstance(reply, dict):  # RESP3
        (pages,) = cast("dict[bytes, Any]", reply).values()
        return [entry for page in pages for entry in entries_of(page)]
    ((_, rows),) = reply
    return entries_of(rows)


def entries_of(rows: Sequence[Any] | None) -> list[StreamEntry]:
    """Entries, as the server lists them."""
    return [_entry(place, fields) for place, fields in rows or ()]


def _entry(place: bytes, fields: Any) -> StreamEntry:
    said = {_decode(name, *_AS_TEXT): _decode(value, *_AS_TEXT) for name, value in mapping(fields).items()}
    return StreamEntry(text(place), time_of(place), said)
