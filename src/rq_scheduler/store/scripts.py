"""Loads the Lua scripts by name and runs them.

One file is one atomic operation. A line ``-- @include NAME`` is replaced by ``lua/include/NAME.lua``. What the
include `clock` reads the time from is a file of its own before it, which a caller may choose. Knows nothing of what a
script does: the typed method of each stands in the module that owns the operation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError, ResponseError

from rq_scheduler.errors import SchedulerError

SERVER_CLOCK = "server_clock"
"""The include that reads the time by which everything goes: the server's."""

_INCLUDE = re.compile(r"^-- @include (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """The whole text of a script and the digest that Redis knows it by."""

    name: str
    source: str
    digest: str


@cache
def load(name: str, clock: str = SERVER_CLOCK, *, msgpack: bool = True) -> Script:
    """The script of that name, its includes in place; `clock` names the one that reads the time. Where the server has
    no MessagePack (`msgpack`), the script brings its own."""

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


def run(
    connection: Any, name: str, keys: Sequence[str | bytes], arguments: Sequence[Any], clock: str = SERVER_CLOCK
) -> Any:
    """Runs a script and returns its reply as redis-py gives it.

    A server that has not seen the script, or has lost it (restart, failover, SCRIPT FLUSH), is sent the text.
    """
    fake = _is_fake(connection)
    script = load(name, clock, msgpack=not fake)
    try:
        return _execute(connection, "EVALSHA", script.digest, keys, arguments)
    except NoScriptError:
        return _execute(connection, "EVAL", script.source, keys, arguments)
    except ResponseError as error:
        if fake and "unknown command" in str(error).lower():
            raise SchedulerError(
                f"fakeredis lacks what the scripts need ({error}): install 'fakeredis[lua]', or test on a real server, "
                "which rq_scheduler.embedded.EmbeddedRedis starts"
            ) from error
        raise


def _execute(connection: Any, command: str, what: str, keys: Sequence[str | bytes], arguments: Sequence[Any]) -> Any:
    # Bytes come back even through a client that decodes: what a job holds is no text.
    return connection.execute_command(command, what, len(keys), *keys, *arguments, **{NEVER_DECODE: True})


def _is_fake(connection: Any) -> bool:
    """Whether this is fakeredis, on which applications test: alone of all servers it has no MessagePack."""
    kind = getattr(getattr(connection, "connection_pool", None), "connection_class", None)
    return str(getattr(kind, "__module__", "")).startswith("fakeredis")


def _folder() -> Any:
    return files("rq_scheduler.store") / "lua"


def _read(name: str) -> str:
    return (_folder() / f"{name}.lua").read_text("utf-8")
