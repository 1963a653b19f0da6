"""What the meta of a job says of its recurrence, in 0.14's way: `cron_string`, `interval` and `repeat`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers import Cron, Every, legacy_cron

__all__ = ["recurrence_of", "repeats_left"]


def recurrence_of(meta: Any, timezone: str) -> Cron | Every | None:
    """The trigger that a job's meta names in 0.14's way, or None for a one-off (a meta that is no dict names none).

    A cron is read in `timezone` by 0.14's rules. Raises InvalidArgument for a recurrence that can never fire.
    """
    if not isinstance(meta, Mapping):
        return None
    named = cast("Mapping[str, Any]", meta)
    if named.get("cron_string"):
        return legacy_cron(str(named["cron_string"]), timezone)[0]
    if named.get("interval"):
        return Every(float(named["interval"]))
    return None


def repeats_left(meta: Any) -> int | None:
    """How many runs a job's meta still allows (0.14's `repeat`); None for no limit, as 0.14 reads a negative one."""
    repeat = cast("Mapping[str, Any]", meta).get("repeat") if isinstance(meta, Mapping) else None
    if repeat is None:
        return None
    try:
        return left if (left := int(repeat)) >= 0 else None
    except (TypeError, ValueError):
        raise InvalidArgument(f"meta['repeat'] is {repeat!r}: it has to be a whole number of runs") from None
