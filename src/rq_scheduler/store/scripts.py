"""Loads the Lua scripts by name.

One file is one atomic operation. A line ``-- @include NAME`` is replaced by ``lua/include/NAME.lua``. What the
include `clock` reads the time from is a file of its own before it, which a caller may choose. Knows nothing of what a
script does: the function that makes the command of each stands in the module that owns the operation.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

SERVER_CLOCK = "server_clock"
"""The include that reads the time by which everything goes: the server's."""

_INCLUDE = re.compile(r"^-- @include (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """The whole text of a script and the digest that Redis knows it by."""

    name: str
    source: str
    digest: str


def load(name: str, clock: str = SERVER_CLOCK, *, msgpack: bool = True) -> Script:
    """The script of that name, its includes in place; `clock` names the one that reads the time. Where the server has
    no MessagePack (`msgpack`), the script brings its own."""
    return _load(name, clock, msgpack)  # each way of saying the same would be kept for itself


@cache
def _load(name: str, clock: str, msgpack: bool) -> Script:
    def included(match: re.Match[str]) -> str:
        text = _read(f"include/{match[1]}")
        return _read(f"include/{clock}") + text if match[1] == "clock" else text

    source = _INCLUDE.sub(included, _read(name))
    if not msgpack and "cmsgpack" in source:
        source = _read("fakeredis/msgpack") + source
    return Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def names() -> list[str]:
    """The names of all scripts, in order."""
    return sorted(entry.name.removesuffix(".lua") for entry in _folder().iterdir() if entry.name.endswith(".lua"))


def load_all(clock: str = SERVER_CLOCK) -> None:
    """Reads every script, so that a process which goes on for long is not served from the files of an upgrade."""
    for name in names():
        load(name, clock)


def _folder() -> Any:
    return files("rq_scheduler.store") / "lua"


@cache
def _read(name: str) -> str:  # most includes stand in many scripts
    return (_folder() / f"{name}.lua").read_text("utf-8")
