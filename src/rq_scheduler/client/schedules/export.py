"""The text of a JSON file of schedules. Owns what such a file cannot hold; what it may hold, `files` says."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

from msgspec.structs import replace
from rq import Callback, Retry
from rq.job import Dependency, Job

from rq_scheduler import serialization
from rq_scheduler.client.schedules.files import CALLBACKS, JOB_DURATIONS, PLAIN, check_plain, named, schedule_from
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.functions import check_function
from rq_scheduler.model import RetryFields, Schedule
from rq_scheduler.serialization import Duration

__all__ = ["table_of", "write_definitions"]


def write_definitions(definitions: Iterable[Schedule]) -> str:
    """The text of a JSON file of these schedules: `read_definitions` of it gives what makes the same schedules.

    Functions are written by name. Raises InvalidArgument naming the schedule and the field for what a file cannot
    hold: arguments that are no JSON values (a tuple would come back as a list), bound methods, callbacks with a
    timeout of their own, dependencies and retries with more than RQ's defaults.
    """
    tables: dict[str, Any] = {}
    for schedule in definitions:
        if schedule.id in tables:
            raise InvalidArgument(f"id={schedule.id!r} is defined twice: a file holds each id once")
        tables[schedule.id] = table_of(schedule)
    return json.dumps({"schedules": tables}, indent=2, ensure_ascii=False) + "\n"


def table_of(schedule: Schedule) -> dict[str, Any]:
    """The fields of one schedule as such a file gives them, but for its id. Raises as `write_definitions`."""
    return named(f"schedule {schedule.id!r}", _table, schedule)


def _table(schedule: Schedule) -> dict[str, Any]:
    """The fields of a schedule as a file gives them; read back, to be sure that they can be."""
    given = {name: getattr(schedule, name) for name in schedule.__struct_fields__}
    plain: dict[str, Any] = {
        **{name: _duration(given[name], name) for name in JOB_DURATIONS},
        **{name: _callback(given[name], name) for name in CALLBACKS},
        "func": _name(schedule.func, "func"),
        "args": () if given["args"] is None else given["args"],
        "kwargs": {} if given["kwargs"] is None else _dict(given["kwargs"]),
        "meta": _dict(given["meta"]),
        "retry": _retry(given["retry"]),
        "depends_on": _dependencies(given["depends_on"]),
        "webhooks": [_fields(each) for each in given["webhooks"]] if given["webhooks"] else None,
        "rate_limit": _fields(given["rate_limit"]),
    }
    check_plain(list(plain["args"]), "args")
    for name in PLAIN[1:]:
        check_plain(plain[name], name)
    table: dict[str, Any] = serialization.to_builtins(replace(schedule, **plain))
    schedule_from(table.pop("id"), table)
    return table


def _name(value: Any, field: str) -> str:
    if isinstance(value, str):
        return value
    check_function(value, field)
    if not (inspect.isfunction(value) or inspect.isbuiltin(value)) or inspect.ismethod(value):
        raise InvalidType(f"{field}={value!r} brings an object with it that no file can hold: give a plain function")
    return f"{value.__module__}.{value.__qualname__}"


def _callback(value: Any, field: str) -> str | None:
    if isinstance(value, Callback):
        if value.timeout != Callback("any.name").timeout:
            raise InvalidArgument(f"{field} has a timeout of {value.timeout} s, which no file can say: leave it out")
        return _name(value.func, field)
    return None if value is None else _name(value, field)


def _duration(value: Any, field: str) -> Any:
    return str(Duration.of(value, field)) if isinstance(value, timedelta) else value


def _retry(value: Any) -> Any:
    if not isinstance(value, Retry):
        return value
    if getattr(value, "enqueue_at_front", False):
        raise InvalidArgument("retry has enqueue_at_front, which no file can say: leave it out")
    return RetryFields(max=value.max, interval=value.intervals)


def _dependencies(value: Any) -> Any:
    if isinstance(value, Dependency):
        if value.allow_failure or value.enqueue_at_front:
            raise InvalidArgument("depends_on has allow_failure or enqueue_at_front, which no file can say: give ids")
        return _dependencies(list(value.dependencies))
    if isinstance(value, list | tuple):
        return [_dependencies(each) for each in cast("Iterable[Any]", value)]
    return value.id if isinstance(value, Job) else value


def _fields(value: Any) -> Any:
    """The fields of RQ's Webhook or RateLimit; anything else as it is."""
    kind: Any = type(cast("object", value))
    return cast("dict[str, Any]", vars(value)) if kind.__module__.startswith("rq.") else value


def _dict(value: Any) -> Any:
    return dict(cast("Mapping[Any, Any]", value)) if isinstance(value, Mapping) else value
