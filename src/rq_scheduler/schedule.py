"""What a schedule is made of: trigger and policies, as msgspec structs that are also the stored format.

Owns the definition and how a recurring job of the 0.14 API is read from its meta. Knows no Redis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers import Cron, Every, legacy_cron

__all__ = ["FORMAT", "Catchup", "Overlap", "Spec", "decode_spec", "encode_spec", "recurrence_of", "repeats_left"]

FORMAT = 1
"""Version of the stored spec. A dispatcher leaves a newer one alone."""

Overlap = Literal["skip", "buffer_one"]
Catchup = Literal["latest", "all", "none"]


class Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a recurring job of the 0.14 API fires. All durations are integer microseconds.

    Its index score is the nominal time of the next run, and an `Every` has no anchor of its own: it counts from
    that score, which callers may move (`change_execution_time`).
    """

    trigger: Cron | Every
    overlap: Overlap = "skip"
    catchup: Catchup = "latest"
    catchup_window: int | None = None
    jitter: int = 0

    def fires_like(self, trigger: Cron | Every) -> bool:
        """Whether a trigger read from a job's meta is this one, whatever zone this one was stored with."""
        if isinstance(self.trigger, Cron) and isinstance(trigger, Cron):
            return self.trigger.expression == trigger.expression
        return self.trigger == trigger


class _Versioned(msgspec.Struct, frozen=True):
    format: int = FORMAT


def encode_spec(spec: Spec) -> bytes:
    """The JSON of a spec, with the version of its format."""
    return msgspec.json.encode({"format": FORMAT, **msgspec.to_builtins(spec)})


def decode_spec(stored: bytes) -> Spec | None:
    """The spec of that JSON; None when a newer version of this package wrote it.

    Raises msgspec.DecodeError (a ValueError) for anything else that is no spec.
    """
    if msgspec.json.decode(stored, type=_Versioned).format > FORMAT:
        return None
    return msgspec.json.decode(stored, type=Spec)


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
