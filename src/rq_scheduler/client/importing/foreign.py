"""Values that foreign hands wrote, taken only if they are plain, and not too many to look at. Pure."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, tzinfo
from typing import Any, cast

from rq_scheduler.client.importing.draft import NotCarried
from rq_scheduler.pickles import Recorded

__all__ = ["MOST_BYTES", "json_of", "moment_of", "plain_arguments", "text_of"]

MOST_BYTES = 1_000_000
"""Of one entry; nothing longer is read."""

_MOST_VALUES, _DEEPEST, _MOST_DIGITS = 10_000, 40, 4_000


def json_of(text: Any, what: str) -> Any:
    """The value of a JSON text. Raises NotCarried naming `what` it was for anything else."""
    if isinstance(text, bytes | str) and len(text) <= MOST_BYTES:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    raise NotCarried(f"its {what} is no JSON that can be read here")


def text_of(value: Any, what: str) -> str:
    """A text that is not empty. Raises NotCarried naming `what` it was."""
    if not isinstance(value, str) or not value.strip():
        raise NotCarried(f"its {what} is {_shown(value)}, which is no name")
    return value


def plain_arguments(args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Both, if a job can be given them as they are: JSON values, and tuples. Raises NotCarried for anything else."""
    given: Any = () if args is None else args
    named: Any = {} if kwargs is None else kwargs
    if not isinstance(given, list | tuple) or not isinstance(named, dict):
        raise NotCarried(f"its arguments are {_shown(given)} and {_shown(named)}, and not a list and a mapping")
    budget = _Budget()
    budget.spend(given, 0)
    budget.spend(named, 0)
    return tuple(cast("list[Any]", given)), cast("dict[str, Any]", named)


def moment_of(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """A moment as databases give it: a datetime, or the text of one; of that zone where it has none. None for
    nothing."""
    if value is None or value == "":
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise NotCarried(f"{str(value)[:40]!r} is no moment") from None
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)


class _Budget:
    """Walks a value; what is built of many references to one part is walked as often as it would be written out."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def spend(self, value: Any, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise NotCarried("its arguments are too many, or nested too deep, to be carried over")
        kind: Any = type(cast("object", value))
        if kind in (list, tuple):
            for each in value:
                self.spend(each, depth + 1)
        elif kind is dict:
            for name, each in value.items():
                if type(name) is not str:
                    raise NotCarried(f"its arguments have the name {_shown(name)}, which is no text")
                self.spend(each, depth + 1)
        elif not (
            kind in (str, bool, type(None))
            or (kind is int and value.bit_length() < _MOST_DIGITS)
            or (kind is float and math.isfinite(value))
        ):
            raise NotCarried(f"its arguments hold {_shown(value)}, which is not made here: only plain values are")


def _shown(value: Any) -> str:
    kind: Any = type(cast("object", value))
    if isinstance(value, Recorded):
        return str(value)[:80]
    return f"{value!r:.60}" if kind in (str, bool, float, type(None)) else f"a {kind.__name__}"
