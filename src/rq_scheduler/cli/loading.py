"""What a command line names and Python must import: classes, serializers, the import path. Owns the errors that say
why an import did not work; knows nothing of Redis."""

from __future__ import annotations

import os
import sys
from typing import Any, TypeVar

import click
from rq import Queue
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer

from rq_scheduler.dotted import find
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.functions import is_task
from rq_scheduler.sanitize import plain

__all__ = [
    "extend_path",
    "import_dotted",
    "load_job_class",
    "load_queue_class",
    "load_serializer",
    "note_function",
]

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
    if "." not in name:
        raise click.BadParameter(
            f"{name!r} is not a dotted path. Give module and name, as in 'myapp.queues.MyQueue'.", param_hint=option
        )
    try:
        return find(name)
    except InvalidArgument as error:
        raise click.BadParameter(_ended(f"{error} {_where(error)}".strip()), param_hint=option) from None


def note_function(func: str, what: str = "", *, strict: bool = False) -> None:
    """A note on stderr where a function cannot be imported here, an error if `strict`. The application's code need not
    be here, but workers have to find it: a typo shows itself now. `what` says what names it, if that is not the command
    line."""
    try:
        found: Any = find(func)
        said = "" if callable(found) or is_task(found) else "it cannot be called"
    except InvalidArgument as error:
        said = f"{error} {_where(error)}".strip()
    if not said:
        return
    text = plain(f"{what}{func} cannot be imported here: {_ended(said)} Workers have to.")
    if strict:
        raise click.ClickException(text)
    click.echo(f"Note: {text}", err=True)


def _where(error: InvalidArgument) -> str:
    """Where the application's code is looked for, if it is the module that is missing."""
    missing = str(error).startswith("no module")
    return f"Is its directory on --path (this one is {os.getcwd()})?" if missing else ""


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


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
