"""What a command line names and Python must import: classes, serializers, the import path. Owns the errors that say
why an import did not work; knows nothing of Redis."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from difflib import get_close_matches
from typing import Any, TypeVar

import click
from rq import Queue
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.zones import zone

__all__ = ["extend_path", "import_dotted", "load_job_class", "load_queue_class", "load_serializer", "time_zone"]

_Class = TypeVar("_Class")
_SERIALIZERS: dict[str, Any] = {"json": JSONSerializer, "pickle": DefaultSerializer, "default": DefaultSerializer}


def extend_path(path: str) -> None:
    """Put each part of a colon-separated list at the head of `sys.path`, in order, so that the application's
    code is importable. `.` is the directory the command was started in, wherever the process goes later."""
    parts = [os.path.abspath(os.path.expanduser(part)) for part in path.split(":") if part]
    for part in parts:
        if not os.path.exists(part):
            raise click.BadParameter(f"{part} does not exist.", param_hint="--path")
    sys.path[:0] = [part for part in parts if part not in sys.path]


def import_dotted(name: str, option: str) -> Any:
    """The object that a dotted path names; a usage error that says which step failed otherwise."""
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise click.BadParameter(
            f"{name!r} is not a dotted path. Give module and name, as in 'myapp.queues.MyQueue'.", param_hint=option
        )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise click.BadParameter(
                f"no module {error.name!r} (for {name!r}). Is it spelled right, and is its directory on --path "
                f"(now: {os.getcwd()})?",
                param_hint=option,
            ) from None
        raise click.BadParameter(
            f"{module_name} imports {error.name!r}, which is missing.", param_hint=option
        ) from None
    except Exception as error:  # noqa: BLE001  (an application's module may fail in any way)
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise click.BadParameter(
            f"importing {module_name} failed: {type(error).__name__}: {error} ({where.filename}:{where.lineno}).",
            param_hint=option,
        ) from None
    try:
        return getattr(module, attribute)
    except AttributeError:
        near = get_close_matches(attribute, dir(module), 1)
        hint = f" Did you mean {module_name}.{near[0]}?" if near else ""
        raise click.BadParameter(f"{module_name} has no {attribute!r}.{hint}", param_hint=option) from None


def _load_class(name: str, base: type[_Class], option: str) -> type[_Class]:
    found = import_dotted(name, option)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise click.BadParameter(f"{name} is not a subclass of {base.__module__}.{base.__name__}.", param_hint=option)
    return found


def load_job_class(name: str | None) -> type[Job]:
    return _load_class(name, Job, "--job-class") if name else Job


def load_queue_class(name: str | None) -> type[Queue]:
    return _load_class(name, Queue, "--queue-class") if name else Queue


def load_serializer(name: str | None) -> Any:
    """`json`, `pickle` or a dotted path to anything with `dumps` and `loads`; None means RQ's default."""
    if not name:
        return None
    found = _SERIALIZERS.get(name) or import_dotted(name, "--serializer")
    if not (callable(getattr(found, "dumps", None)) and callable(getattr(found, "loads", None))):
        raise click.BadParameter(f"{name} has no dumps and loads; RQ needs both.", param_hint="--serializer")
    return found


def time_zone(name: str, option: str) -> str:
    """The name, if it is an IANA zone that this host knows; a usage error with the nearest names otherwise."""
    try:
        zone(name)
    except InvalidArgument as error:
        raise click.BadParameter(str(error).removeprefix("timezone="), param_hint=option) from None
    return name
