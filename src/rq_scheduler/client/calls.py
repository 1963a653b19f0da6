"""What a job calls, by name, read from RQ's hash of it. Nothing is imported, made or called."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from rq_scheduler.pickles import outline

__all__ = ["CALLBACKS", "called_by"]

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
