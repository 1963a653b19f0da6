"""What a job calls, by name, read from RQ's hash of it; and how calls are told to those who may not see arguments.
Nothing is imported, made or called."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from rq_scheduler.pickles import outline

__all__ = ["CALLBACKS", "call_of", "called_by", "hidden_call", "hidden_changes"]

CALLBACKS = {
    "on_success": b"success_callback_name",
    "on_failure": b"failure_callback_name",
    "on_stopped": b"stopped_callback_name",
}
"""Options, and the fields of a job's hash that have their names."""


def called_by(fields: Mapping[bytes, bytes]) -> list[str] | None:
    """The function's name and those of the callbacks; none for no job, None where that cannot be read, or is a method
    of an object that comes with the job."""
    if not fields:
        return []
    data = fields.get(b"data", b"")
    with suppress(zlib.error):
        data = zlib.decompress(data)
    func = _function(data)
    if func is None:
        return None
    return [func, *(name.decode(errors="replace") for field in CALLBACKS.values() if (name := fields.get(field)))]


def call_of(fields: Mapping[bytes, bytes], *, hidden: bool) -> str:
    """A job's description, which is its call unless it was given another; its function alone, where arguments are
    `hidden`."""
    if not hidden:
        return fields.get(b"description", b"").decode(errors="replace")
    called = called_by(fields)
    return hidden_call(called[0] if called else "")


def hidden_call(func: str) -> str:
    """A call of that function without the values in it; of one that is not known, no more than that."""
    return f"{func or '?'}(…)"


def hidden_changes(changes: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """What a definition changes, without the texts of what may hold arguments."""
    return {name: ("", "") if name in _OF_ARGUMENTS else texts for name, texts in changes.items()}


_OF_ARGUMENTS = frozenset({"call", "args", "kwargs", "description", "meta"})


def _function(data: bytes) -> str | None:
    try:
        call: Any = json.loads(data) if data[:1] in b"[ " and data else outline(data)[0]
    except Exception:  # noqa: BLE001  anybody may have written it
        return None
    if not isinstance(call, list | tuple):
        return None
    parts = cast("list[Any]", call)
    if len(parts) != 4 or not isinstance(parts[0], str) or parts[1] is not None:
        return None
    return parts[0]
