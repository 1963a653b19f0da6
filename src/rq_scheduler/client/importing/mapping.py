"""The mapping file: which function of ours runs for a task, or a command line, of theirs.

    [tasks]
    "shop.tasks.report" = "shop.jobs.report"

    [[commands]]
    command = "/srv/shop/manage.py clearsessions"
    func = "shop.jobs.clear_sessions"
    args = ["all"]
    id = "clear-sessions"

Owns the form of the file, and the errors that name what is wrong in it. Imports no function.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from rq_scheduler.client.schedules.files import check_plain
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.functions import check_function
from rq_scheduler.model import check_id

__all__ = ["Called", "Mappings", "read_mappings"]

_KINDS: dict[str, Any] = {"args": list, "kwargs": dict, "queue_name": str}
_OF_COMMAND = ("command", "func", "id", *_KINDS)
_IN_WORDS: dict[Any, str] = {list: "a list", dict: "a table", str: "a text"}


@dataclass(frozen=True, slots=True)
class Called:
    """What runs instead: `options` are those of the schedule that the file gives, `id` its id, if it gives one."""

    func: str
    id: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Mappings:
    """By task name, and by command line with single spaces."""

    tasks: Mapping[str, str] = field(default_factory=dict[str, str])
    commands: Mapping[str, Called] = field(default_factory=dict[str, Called])

    def called(self, task: str, *, shell: bool) -> Called | None:
        """What runs for that; a task without an entry is taken for the function's own name. None for a command line
        without one."""
        if shell:
            return self.commands.get(_one_line(task))
        return Called(self.tasks.get(task, task))


def read_mappings(path: str | Path) -> Mappings:
    """The mappings of a TOML file. Raises InvalidArgument naming the file and what is wrong in it."""
    try:
        content = tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InvalidArgument(f"{path} cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise InvalidArgument(f"{path} cannot be read as TOML: {error}") from error
    _check_names(content, ("tasks", "commands"), str(path))
    tasks, commands = content.get("tasks", {}), content.get("commands", [])
    if not isinstance(tasks, dict) or not isinstance(commands, list):
        raise InvalidArgument(f"{path}: give [tasks] as a table of names, and each command as [[commands]]")
    for name, func in cast("dict[str, Any]", tasks).items():
        _check_function(func, f"{path}: tasks: {name!r}")
    found: dict[str, Called] = {}
    for number, table in enumerate(cast("list[Any]", commands), start=1):
        command, called = _command(table, f"{path}: command {number}")
        if command in found:
            raise InvalidArgument(f"{path}: command {number}: {command!r} is there already")
        found[command] = called
    return Mappings(cast("dict[str, str]", tasks), found)


def _command(table: Any, where: str) -> tuple[str, Called]:
    given = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    _check_names(given, _OF_COMMAND, where)
    command = given.get("command")
    if not isinstance(command, str) or not command.strip():
        raise InvalidArgument(f"{where}: command={command!r} is no command line: write it as the crontab has it")
    _check_function(given.get("func"), where)
    try:
        if "id" in given:
            check_id(given["id"])
        for name, kind in _KINDS.items():
            if not isinstance(given.get(name, kind()), kind):
                raise InvalidArgument(f"{name}={given[name]!r}: give {_IN_WORDS[kind]}")
            check_plain(given.get(name), name)
    except SchedulerError as error:
        raise InvalidArgument(f"{where}: {error}") from error
    options = {name: given[name] for name in _KINDS if name in given}
    if "args" in options:
        options["args"] = tuple(options["args"])
    return _one_line(command), Called(given["func"], given.get("id"), options)


def _check_function(func: Any, where: str) -> None:
    if not isinstance(func, str):
        raise InvalidArgument(f"{where}: func={func!r}: give the dotted name of a function, 'package.module.function'")
    try:
        check_function(func)
    except InvalidArgument as error:
        raise InvalidArgument(f"{where}: {error}") from error


def _check_names(given: Iterable[str], known: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise InvalidArgument(f"{where}: {name!r} is not known here; {hint}")


def _one_line(command: str) -> str:
    return " ".join(command.split())
