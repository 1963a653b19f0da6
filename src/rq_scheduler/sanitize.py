"""Text from Redis, on its way to people, on screens and in logs: what stands there, anybody may have written."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

__all__ = ["PLAIN_ARGUMENTS", "either_of", "plain", "plain_json", "plain_json_parts"]


def plain(text: str) -> str:
    """Text that cannot steer a terminal, nor begin a line of its own in a log."""
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def plain_json(value: Any, indent: int | None = None) -> str:
    """JSON that reads as it is written, but for what a terminal would obey and what is no text at all: those are
    escaped, as JSON may have any character."""
    written = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    if written.isprintable():
        return written
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in written)


def plain_json_parts(pairs: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """`plain_json(dict(pairs), indent=2)` in pieces: an iterator among the values is a list, written as it comes."""
    opening = "{"
    for name, value in pairs:
        start = f"{opening}\n  {plain_json(name)}: "
        if isinstance(value, Iterator):
            yield from _list_parts(start, cast("Iterator[Any]", value))
        else:
            yield start + _indented(value, 2)
        opening = ","
    yield "{}" if opening == "{" else "\n}"


def _list_parts(start: str, items: Iterator[Any]) -> Iterator[str]:
    opening = f"{start}["  # not before the first is there: what cannot be read at all is no half of a document
    for item in items:
        yield f"{opening}\n    {_indented(item, 4)}"
        opening = ","
    yield "\n  ]" if opening == "," else f"{opening}]"


def _indented(value: Any, spaces: int) -> str:
    return plain_json(value, indent=2).replace("\n", "\n" + " " * spaces)


def either_of(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are: "a, b or c", "a, b, c or 4 others"."""
    shown = [*names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most} {'other' if len(names) == most + 1 else 'others'}")
    return " or ".join((", ".join(shown[:-1]), shown[-1]) if len(shown) > 1 else shown)


class _PlainArguments(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(plain(str(one)) if isinstance(one, str | BaseException) else one for one in record.args)
        return True


PLAIN_ARGUMENTS = _PlainArguments()
"""On a logger: ids, reasons and errors in its messages cannot forge a line, whatever handler an application has."""
