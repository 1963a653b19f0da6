"""Classes of an application whose objects stand in a job's meta, at the top of a module as pickle wants them."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import typing
from dataclasses import dataclass, field


class Colour(enum.Enum):
    RED = 1


class Named(enum.StrEnum):
    INTERVAL = "interval"


class Flags(enum.Flag):
    A = enum.auto()
    B = enum.auto()


@dataclass
class Order:
    number: int
    lines: list[object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    x: float
    y: float


class Point(typing.NamedTuple):
    x: int
    y: int


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024


class Größe:
    """A name that is no ASCII."""

    class Inner:
        """A class in a class."""


class Members(dict[str, object]):
    """A dict of an application."""


class Rows(list[object]):
    """A list of an application."""


class Texts(str):
    """Text of an application."""

    __slots__ = ("note",)


class FailedError(Exception):
    def __init__(self, what: str, *, code: int = 1) -> None:
        super().__init__(what)
        self.code = code


class Slots:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1


class Called:
    """Made by calling what an object gave: `getattr(x, "make")(...)`."""

    def __reduce__(self) -> object:
        return (dt.date.fromisoformat, ("2026-11-28",))


class Both(list[object]):
    """Takes items and entries alike."""

    def __setitem__(self, key: object, value: object) -> None: ...


class Filled:
    """Items and entries that follow the object."""

    def __reduce__(self) -> object:
        return (Both, (), {"a": 1}, iter([1, 2]), iter([("k", self.__class__)]))


class Setter:
    """A state with a setter of its own."""

    def __reduce__(self) -> object:
        return (Order, (1,), {"number": 2}, None, None, setattr_all)


def setattr_all(target: object, state: dict[str, object]) -> None:
    for name, value in state.items():
        setattr(target, name, value)


class WithArguments:
    """Made by __new__ with keyword arguments."""

    def __new__(cls, *, a: int = 0) -> typing.Self:
        made = super().__new__(cls)
        made.a = a  # type: ignore[attr-defined]
        return made

    def __getnewargs_ex__(self) -> object:
        return (), {"a": 5}


class Method:
    def bound(self) -> None: ...

    @classmethod
    def of_the_class(cls) -> None: ...


class Trap:
    """Tells when it is made, given a state, or filled."""

    sprung: typing.ClassVar[list[str]] = []

    def __reduce__(self) -> object:
        return (spring, ("made",), {"a": 1}, iter([1]), iter([("k", 1)]), spring_with)


def spring(how: str) -> Trap:
    Trap.sprung.append(how)
    return Trap()


def spring_with(target: object, state: object) -> None:
    Trap.sprung.append("given a state")
