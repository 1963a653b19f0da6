"""What is asked of Redis, as values: commands, and what is made of several of them.

Nothing here has a connection: an executor (`executor.py`) runs it. So each operation is written once, whatever kind of
client runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from redis.exceptions import ResponseError

from rq_scheduler.store.keys import Keys

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Argument: TypeAlias = str | bytes | int | float


def wire(value: str) -> bytes:
    """The bytes of an id or a queue name."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")  # half of a character: the name of nothing


def as_it_is(reply: Any) -> Any:
    """Reads a reply that needs no reading."""
    return reply


@dataclass(frozen=True, slots=True)
class Command(Generic[T_co]):
    """A script of `lua/` (`is_script`), with its keys and arguments, or a command of Redis, whose keys are among the
    arguments: as they are sent. `read` makes the answer of redis-py's reply, in which nothing is decoded, or raises our
    error.

    Commands that send the same are equal.
    """

    name: str
    keys: tuple[Argument, ...]
    arguments: tuple[Argument, ...]
    read: Callable[[Any], T_co] = field(compare=False, repr=False)
    is_script: bool = False

    def __iter__(self) -> Generator[Command[T_co], Any, T_co]:
        """In a procedure or a listing, ``yield from command`` is its answer."""
        return (yield self)


@dataclass(frozen=True, slots=True)
class Pipeline(Generic[T_co]):
    """Commands of Redis (no scripts) that travel together. Its answer is that of each, or the error with which the
    server refused it."""

    commands: tuple[Command[T_co], ...]

    def __iter__(self) -> Generator[Pipeline[T_co], Any, list[T_co | ResponseError]]:
        """In a procedure or a listing, ``yield from pipeline`` is its answer."""
        return (yield self)


class Commands:
    """What makes commands, under one key prefix and for one actor, who stands in the audit: the base of each group of
    operations (`operation.py`)."""

    def __init__(self, keys: Keys, actor: str = "") -> None:
        self.keys = keys
        self.actor = actor

    def _script(self, name: str, key: str, *arguments: Any, read: Callable[[Any], T] = as_it_is) -> Command[T]:
        """A script that takes our key prefix before its other arguments, as nearly all do."""
        return script(name, key, self.keys.prefix, *arguments, read=read)


Step: TypeAlias = Command[Any] | Pipeline[Any]


class Steps(Protocol[T_co]):
    """A command, a pipeline, or a procedure of several: what comes to an answer, step by step."""

    def __iter__(self) -> Generator[Step, Any, T_co]: ...


Procedure: TypeAlias = Generator[Step, Any, T]
"""What takes several round trips: yields each step, is sent its answer (or thrown its error), and returns T."""

Listing: TypeAlias = Generator[Step | T, Any, None]
"""The same for what is read as it is used: between its steps it yields one T after the other."""


def script(name: str, key: str, *arguments: Any, read: Callable[[Any], T] = as_it_is) -> Command[T]:
    """The command that runs a script of `lua/`; all of them take one key."""
    return Command(name, (_sent(key),), tuple(map(_sent, arguments)), read, is_script=True)


def call(name: str, *arguments: Any, read: Callable[[Any], T] = as_it_is) -> Command[T]:
    """A command of Redis; its keys are among the arguments."""
    return Command(name, (), tuple(map(_sent, arguments)), read)


def pipeline(commands: Iterable[Command[T]]) -> Pipeline[T]:
    """These commands, to travel together."""
    return Pipeline(tuple(commands))


def _sent(value: Any) -> Any:
    # Names come from Redis too, and may be no UTF-8.
    return wire(value) if isinstance(value, str) and not value.isascii() else value
