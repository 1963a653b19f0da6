"""Where definitions come from: TOML and JSON files of schedules, their JSON Schema, and the text of such a file.

Owns the form of a file, which is derived from the fields of `Schedule`, and the errors that name file, schedule and
field. Knows no Redis, and nothing of what is done with the definitions.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import fields, replace
from rq import Callback, Retry
from rq.job import Dependency, Job

from rq_scheduler import formats
from rq_scheduler.errors import InvalidArgument, InvalidType, SchedulerError
from rq_scheduler.formats import Duration
from rq_scheduler.jobs import check_function
from rq_scheduler.schedule import RetryFields, Schedule, check_id
from rq_scheduler.schedules.rq_cron import read_rq_cron
from rq_scheduler.triggers import AnyExclusion, AnyTrigger, At, Cron, Every, RRule

__all__ = ["definitions_from", "file_schema", "read_definitions", "write_definitions"]

_JOB_DURATIONS = ("job_timeout", "result_ttl", "ttl", "failure_ttl")
_CALLBACKS = ("on_success", "on_failure", "on_stopped")
_PLAIN = ("args", "kwargs", "meta", "webhooks", "rate_limit")
"""Fields whose values a file gives as JSON values, whatever they are."""

_AWARE = "end it with Z for UTC, or with an offset such as +01:00"
_Moment = Annotated[datetime, Meta(tz=True)]


class _When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a schedule fires: `trigger` as it is stored, or in its place one of the short forms."""

    trigger: AnyTrigger | UnsetType = UNSET
    cron: Annotated[str, Meta(description="Short for a cron trigger.", examples=["30 2 * * *"])] | UnsetType = UNSET
    rrule: Annotated[str, Meta(description="Short for an RFC 5545 rule.")] | UnsetType = UNSET
    every: Duration | UnsetType = UNSET
    at: _Moment | UnsetType = UNSET
    timezone: Annotated[str, Meta(description="IANA name, for cron and rrule.")] | UnsetType = UNSET


_SHORT: dict[str, Callable[..., AnyTrigger]] = {"cron": Cron, "rrule": RRule, "every": Every, "at": At}
_ZONED = ("cron", "rrule")

_ONE_TRIGGER = {
    "oneOf": [{"required": [name]} for name in ("trigger", *_SHORT)],
    "if": {"required": ["timezone"]},
    "then": {"anyOf": [{"required": [name]} for name in _ZONED]},
}
"""What the types cannot say of `_When`; `_trigger` says it in Python."""

_OF_FILES: dict[str, Any] = {
    "func": Annotated[str, Meta(min_length=1, description="package.module.function")],
    "start": _Moment | None,
    "end": _Moment | None,
}
"""Fields of Schedule that a file gives in a narrower form than Python does."""

_Entry: Any = msgspec.defstruct(
    "Schedule",
    [
        (field.name, _OF_FILES.get(field.name, field.type), *([] if field.required else [_default(field)]))
        for field in fields(Schedule)
        if field.name not in ("id", "trigger")
    ],
    bases=(_When,),
    namespace={"__doc__": "A schedule; its key is its id. The fields are those of rq_scheduler.Schedule."},
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)
