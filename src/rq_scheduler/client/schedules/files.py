"""Where definitions come from: TOML and JSON files of schedules, and their JSON Schema. (`export` writes them.)

Owns the form of a file, which is made of the fields of `Schedule`, and the errors that name file, schedule and field.
Knows no Redis, and nothing of what is done with the definitions.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast, get_args

import msgspec
from msgspec import NODEFAULT, UNSET, Meta, UnsetType
from msgspec.structs import fields

from rq_scheduler import serialization
from rq_scheduler.aliases import Catchup, Excluded, Overlap
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.model import Schedule, check_id
from rq_scheduler.serialization import Duration
from rq_scheduler.triggers import AnyExclusion, AnyTrigger, At, Cron, Every, RRule

__all__ = [
    "CALLBACKS",
    "JOB_DURATIONS",
    "PLAIN",
    "SUFFIXES",
    "check_plain",
    "definitions_from",
    "file_schema",
    "named",
    "naming",
    "read_definitions",
    "read_shown",
    "schedule_from",
]

_Moment = Annotated[datetime, Meta(tz=True)]
_MomentOrNone = _Moment | None


class _When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a schedule fires: `trigger` as it is stored or, in its place, the short form of a common one."""

    trigger: AnyTrigger | UnsetType = UNSET
    cron: Annotated[str, Meta(description="Short for a cron trigger.", examples=["30 2 * * *"])] | UnsetType = UNSET
    rrule: Annotated[str, Meta(description="Short for a trigger of an RFC 5545 rule.")] | UnsetType = UNSET
    every: Duration | UnsetType = UNSET
    at: _Moment | UnsetType = UNSET
    timezone: Annotated[str, Meta(description="IANA name; goes with cron and rrule.")] | UnsetType = UNSET


_SHORT: dict[str, Callable[..., AnyTrigger]] = {"cron": Cron, "rrule": RRule, "every": Every, "at": At}
_ZONED = ("cron", "rrule")
_CHOICES = {"overlap": Overlap, "catchup": Catchup, "excluded": Excluded}

_ONE_TRIGGER = {
    "oneOf": [{"required": [name]} for name in ("trigger", *_SHORT)],
    "dependentSchemas": {"timezone": {"anyOf": [{"required": [name]} for name in _ZONED]}},
}
"""What the types cannot say of `_When`, for the JSON Schema; `_trigger` holds files to it."""

_NARROWER: dict[str, Any] = {
    "func": Annotated[str, Meta(min_length=1, description="package.module.function", examples=["shop.tasks.report"])],
    "start": _MomentOrNone,
    "end": _MomentOrNone,
}
"""Fields of Schedule of which a file may give less than Python does."""


def _field(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    kind = _NARROWER.get(field.name, field.type)
    if field.default_factory is not NODEFAULT:
        return field.name, kind, msgspec.field(default_factory=field.default_factory)
    return (field.name, kind) if field.default is NODEFAULT else (field.name, kind, field.default)


Entry: Any = msgspec.defstruct(
    "Schedule",
    [_field(field) for field in fields(Schedule) if field.name not in ("id", "trigger")],
    bases=(_When,),
    namespace={"__doc__": "What runs, when, and what happens when a run is late or the last one is still going."},
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)

_File = msgspec.defstruct(
    "File",
    [
        (
            "schedules",
            dict[
                Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$")],
                Annotated[Entry, Meta(extra_json_schema=_ONE_TRIGGER)],
            ],
        ),
        ("schema", str | UnsetType, msgspec.field(default=UNSET, name="$schema")),
    ],
    namespace={"__doc__": "Schedules by id: letters, digits, _ and -."},
    forbid_unknown_fields=True,
)

serialization.settle(Entry)

_TAGGED: dict[Any, Any] = {
    kind.__struct_config__.tag: kind for kind in (*get_args(AnyTrigger), *get_args(AnyExclusion))
}
PLAIN = ("args", "kwargs", "meta", "webhooks", "rate_limit")
"""Fields that hold whatever JSON values they are given."""

JOB_DURATIONS = ("job_timeout", "result_ttl", "ttl", "failure_ttl")
CALLBACKS = ("on_success", "on_failure", "on_stopped")


@contextmanager
def naming(source: str | Path) -> Generator[None]:
    """What is wrong with the definitions of a file, seen only when they are made into jobs or written, names it."""
    try:
        yield
    except SchedulerError as error:
        raise type(error)(f"{source}: {error}") from error


def definitions_from(
    source: str | Path, rq_timezone: str | None = None, stored_zones: Callable[[], Mapping[str, str]] | None = None
) -> list[Schedule]:
    """The definitions of a TOML or JSON file (`read_definitions`), or of what `rq cron` takes (`read_rq_cron`): a `.py`
    file or the dotted name of a module. `rq_timezone` and `stored_zones` are for the latter.

    Raises InvalidArgument naming the source and what is wrong in it."""
    path = Path(source)
    if path.suffix.lower() in _PARSERS:
        if rq_timezone is not None:
            raise InvalidArgument(f"rq_timezone={rq_timezone!r} is for `rq cron` files: {source} names its own zones")
        return read_definitions(path)
    try:
        is_file = path.is_file()
    except OSError as error:  # a name that is too long for one
        raise InvalidArgument(f"{source!s:.60} will not do as a path: {error.strerror}") from error
    if is_file and path.suffix.lower() != ".py":
        raise InvalidArgument(f"{source} will not do: give a .toml or .json file, a .py file or a dotted module name")
    # It imports rq.cron, and that croniter: only for who has such a file.
    from rq_scheduler.client.schedules.rq_cron import read_rq_cron

    return read_rq_cron(str(source), rq_timezone, stored_zones)


def read_definitions(path: str | Path) -> list[Schedule]:
    """The schedules of a TOML or JSON file, in its order; which of the two it is, its suffix says. UTF-8.

    The file holds `schedules`, a mapping from id to the fields of `Schedule`. Triggers are written as they are stored,
    `trigger = {type = "cron", expression = "30 2 * * *", timezone = "Europe/Paris"}`, or in short: `cron` or
    `rrule` (with `timezone`), `every` or `at`. Durations are seconds or text, times end with Z or an offset, arguments
    are JSON values. `file_schema` says it all.

    Raises InvalidArgument naming the file, the schedule and the field that is wrong. Nothing is imported.
    """
    file = Path(path)
    parse = _PARSERS.get(file.suffix.lower())
    if parse is None:
        raise InvalidArgument(f"path={str(path)!r} is neither a .toml nor a .json file: rename it to say which it is")
    try:
        content = parse(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InvalidArgument(f"path={str(path)!r} cannot be opened: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{path} cannot be read as {file.suffix[1:].upper()}: {error}") from error
    given = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    tables = given.get("schedules")
    if not isinstance(tables, dict):
        raise InvalidArgument(
            f"{path} has no mapping named schedules: give each schedule a table [schedules.its-id] in TOML, or "
            '{"schedules": {"its-id": {...}}} in JSON'
        )
    for name in given:
        if name not in ("schedules", "$schema"):
            raise InvalidArgument(f"{path}: {_unknown(name, ['schedules'])}")
    return [
        named(f"{path}: schedule {id!r}", schedule_from, id, table)
        for id, table in cast("dict[str, Any]", tables).items()
    ]


def read_shown(text: str) -> Schedule:
    """The schedule that `rqscheduler show ID --json` shows, from its `id` and `definition`.

    Raises InvalidArgument for anything else."""
    try:
        shown = _parse_json(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"it is no JSON document: {error}") from error
    given = cast("dict[str, Any]", shown) if isinstance(shown, dict) else {}
    if not isinstance(given.get("definition"), dict):
        why = given.get("definition_problem") or "give what `rqscheduler show ID --json` prints"
        raise InvalidArgument(f"it holds no definition of a schedule: {why}")
    id = given.get("id")
    return named(f"schedule {id!r}", schedule_from, check_id(id), given["definition"])


def file_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `read_definitions` reads."""
    made = serialization.schema(_File)
    for definition in made["$defs"].values():
        # Stored triggers may grow fields; a file that has one we do not know has a slip of the pen.
        definition["additionalProperties"] = definition.get("additionalProperties", False)
        if "description" in definition:
            # The first paragraph: what follows is for who calls it from Python.
            summary = inspect.cleandoc(definition["description"]).partition("\n\n")[0]
            definition["description"] = " ".join(summary.split())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Schedules of rq-scheduler",
        "description": "A TOML or JSON file that `rqscheduler sync` reads.",
        **made,
    }


def named(where: str, make: Callable[..., Any], *args: Any) -> Any:
    """What `make` makes; its mistakes as one InvalidArgument that says where."""
    try:
        return make(*args)
    except msgspec.ValidationError as error:
        said, cause = _told(str(error)), error
    except SchedulerError as error:
        said, cause = str(error), error
    raise InvalidArgument(f"{where}, {said}") from cause


def _told(said: str) -> str:
    """msgspec's message, the field first; for times, and where there are few values, with what fits a file."""
    text, _, path = said.partition(" - at `$")
    field = path.rstrip("`").rpartition(".")[2]
    if field in _CHOICES and text.startswith("Invalid enum value"):
        text += f": give one of {', '.join(map(repr, get_args(_CHOICES[field])))}"
    if re.search(r"`datetime\b|RFC3339|has no time zone", text):
        text = text.partition(": say which")[0] + "; write a time such as 2026-12-25T08:00:00Z, or +01:00 for Z"
    return f"{path.rstrip('`').lstrip('.')}: {text}" if path else text


# Reading


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice!r} stands twice in the same object; JSON readers would drop one of them unseen")
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _parse_toml(text: str) -> Any:
    import tomllib  # which compiles its patterns, at the start of every client: most read no file

    return tomllib.loads(text)


_PARSERS: dict[str, Callable[[str], Any]] = {".toml": _parse_toml, ".json": _parse_json}
SUFFIXES = tuple(_PARSERS)


def schedule_from(id: str, table: Any) -> Schedule:
    check_id(id)
    if not isinstance(table, dict):
        raise InvalidArgument(f"given as {table!r:.60}: give a table of its fields")
    given = cast("dict[str, Any]", table)
    for name in given:
        if name not in Entry.__struct_fields__:
            raise InvalidArgument(_unknown(name, Entry.__struct_fields__))
    if not isinstance(given.get("trigger", {}), dict):
        raise InvalidArgument(
            f'trigger={given["trigger"]!r:.60} is no trigger: write {{type = "cron", expression = "30 2 * * *"}}, or '
            f"in its place one of {', '.join(_SHORT)}"
        )
    for name in ("trigger", "exclude"):
        _check_names(given.get(name), name)
    entry = serialization.from_builtins(given, Entry)
    values = {name: getattr(entry, name) for name in Entry.__struct_fields__ if name not in _When.__struct_fields__}
    check_plain(list(values["args"]), "args")
    for name in PLAIN[1:]:
        check_plain(values[name], name)
    for name in JOB_DURATIONS:
        if values[name] is not None:
            Duration.of(values[name], name)
    return Schedule(id, _trigger(entry), values.pop("func"), **values)


def _trigger(entry: Any) -> AnyTrigger:
    given = [name for name in ("trigger", *_SHORT) if getattr(entry, name) is not UNSET]
    if len(given) != 1:
        raise InvalidArgument(
            f"{' and '.join(given) or 'nothing'} to say when it runs: give exactly one of trigger, {', '.join(_SHORT)}"
        )
    name = given[0]
    zone: dict[str, Any] = {} if entry.timezone is UNSET else {"timezone": entry.timezone}
    if zone and name not in _ZONED:
        raise InvalidArgument(
            f"timezone={entry.timezone!r} goes with cron and rrule, not with {name}: "
            + ("write it inside the trigger" if name == "trigger" else "leave it out")
        )
    return entry.trigger if name == "trigger" else _SHORT[name](getattr(entry, name), **zone)


def _check_names(value: Any, path: str) -> None:
    """Refuse fields that a trigger or an exclusion does not have: decoding what is stored, they are passed over."""
    if isinstance(value, list):
        for index, each in enumerate(cast("list[Any]", value)):
            _check_names(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        tag = given.get("type")
        kind = _TAGGED.get(tag) if isinstance(tag, str) else None
        for name, each in given.items():
            if kind is not None and name not in ("type", *kind.__struct_fields__):
                raise InvalidArgument(f"{path}: {_unknown(name, kind.__struct_fields__)}")
            _check_names(each, f"{path}.{name}")


def _unknown(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"give one of {', '.join(names)}"
    return f"{name!r} is no field known here: {hint}"


def check_plain(value: Any, path: str) -> None:
    kind: Any = type(cast("object", value))
    if kind in (str, bool, int, type(None)) or (kind is float and math.isfinite(value)):
        return
    if kind is list:
        for index, each in enumerate(value):
            check_plain(each, f"{path}[{index}]")
    elif kind is dict and all(type(name) is str for name in value):
        for name, each in value.items():
            check_plain(each, f"{path}.{name}")
    else:
        raise InvalidArgument(
            f"{path}={value!r:.80} is a {kind.__name__} that no JSON value stands for: files give text, numbers, true, "
            "false, null, lists, and mappings with text for keys"
        )
