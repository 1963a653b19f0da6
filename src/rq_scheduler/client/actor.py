"""Who does what a Scheduler does, as the audit says it: a name that is given, or this process's user and host."""

from __future__ import annotations

import getpass
import os
import socket

from rq_scheduler.errors import InvalidArgument, InvalidType, check_encodable, kind_of

__all__ = ["actor_of", "check_actor"]

MAX_LENGTH = 200


def actor_of(given: str | None) -> str:
    """The name given, or user@host. Raises as `check_actor` does."""
    if given is None:
        return f"{_user()}@{socket.gethostname()}"[:MAX_LENGTH]
    check_actor(given, "actor")
    return given


def check_actor(given: str, argument: str) -> None:
    """Raises InvalidType for what is no text, InvalidArgument for a text that is empty, over 200 characters long, or
    not to be printed. `argument` is what the caller calls it."""
    if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (users without a type checker)
        raise InvalidType(f"{argument}={given!r} is {kind_of(given)}: give text, such as 'deploy 4711'")
    check_encodable(**{argument: given})
    if not given.strip() or not given.isprintable() or len(given) > MAX_LENGTH:
        raise InvalidArgument(
            f"{argument}={given!r:.300}: give 1 to {MAX_LENGTH} printable characters, such as 'deploy 4711'"
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user has no name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
