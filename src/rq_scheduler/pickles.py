"""Pickles that foreign hands may have written, read without making what they name: nothing is imported, nothing called.

A pickle is a program for a stack machine. The one here cannot import, make or call: where a pickle asks for that, it
leaves a stand-in. A job's meta says how the job recurs in plain values; whatever else is in it is the application's
matter. Knows nothing of jobs.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, cast

from rq.serializers import DefaultSerializer

__all__ = ["PICKLES", "RECURRENCE", "Opaque", "PlainPickles", "Recorded", "is_opaque", "outline", "recorded"]

RECURRENCE = ("interval", "cron_string", "repeat")
"""What a job's meta says how it recurs with."""

_MOST_OF_KEYS = 1_000
"""Parts of one key of a dict or a set, all in all; and large numbers in all of them."""

_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}


class Opaque:
    """Stands for an object, or a class, that was not made."""


class Recorded(Opaque):
    """The stand-in that says what it stands for: the dotted `name` of what was not imported; if that was to be called,
    or an object of it made, with which `args`; and the `state` that the object was to be given."""

    def __init__(self, name: str, args: tuple[Any, ...] | None = None) -> None:
        self.name = name
        self.args = args
        self.state: Any = None

    def __str__(self) -> str:
        return self.name if self.args is None else f"an object of {self.name}"


def outline(data: bytes) -> tuple[Any, list[str]]:
    """What a pickle holds, with stand-ins for its objects (`is_opaque`), and the dotted names that it asked for.

    Raises (ValueError, pickle.UnpicklingError, ...) for what is no pickle.
    """
    machine = _Machine()
    return machine.run(data), machine.named


def recorded(data: bytes) -> Any:
    """What a pickle holds, where each object is a Recorded of the names and values that it was to be made of.

    Raises as `outline` does.
    """
    return _Recorder().run(data)


def is_opaque(value: Any, *names: str) -> bool:
    """Whether this stands for an object, or a class, that was not made; of a dict, whether one of these values does, or
    a key, which may equal one of the names (as a member of a StrEnum does)."""
    if not isinstance(value, dict):
        return isinstance(value, Opaque)
    entries = cast("dict[Any, Any]", value)
    return any(isinstance(entries.get(name), Opaque) for name in names) or any(
        isinstance(key, Opaque) for key in entries
    )


class PlainPickles(DefaultSerializer):
    """RQ's default serializer, for those who do not trust what is in Redis: it reads plain values and no objects."""

    @staticmethod
    def loads(s: bytes, *args: Any, **options: Any) -> Any:
        value, named = outline(s)
        if named:
            raise pickle.UnpicklingError(f"it holds objects ({', '.join(named[:3])}), which are not made here")
        return value


PICKLES = (DefaultSerializer, PlainPickles)
"""The serializers whose output `outline` reads."""


def _instructions(data: bytes) -> Iterator[tuple[str, Any]]:
    """All before the one that ends the pickle. pickletools reads the arguments, but for names that are no ASCII."""
    stream = BytesIO(data)
    while True:
        opcode = _OPCODES.get(stream.read(1))
        if opcode is None:
            raise pickle.UnpicklingError("it is no pickle, or not all of one")
        if opcode.name == "STOP":
            return
        if opcode.name in ("GLOBAL", "INST"):
            yield opcode.name, ".".join(_line(stream) for _ in ("module", "name"))
        else:
            yield opcode.name, opcode.arg.reader(stream) if opcode.arg else None


def _line(stream: BytesIO) -> str:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise pickle.UnpicklingError("it ends in the middle of a name")
    return line[:-1].decode()


class _Machine:
    """The stack of a pickle. A mark puts the stack aside, and what comes after it lies on a new one."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.named: list[str] = []
        self._aside: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._large_numbers = 0

    def run(self, data: bytes) -> Any:
        """The value of a whole pickle."""
        for name, argument in _instructions(data):
            self.do(name, argument)
        return self.stack.pop()

    def make(self, of: Any, args: Any) -> Any:
        """What stands for an object that `of` was to make of these arguments, as the pickle has them."""
        return Opaque()

    def build(self, made: Any, state: Any) -> None:
        """An object was to be given this state."""

    def name(self, named: str) -> Any:
        """What stands for the thing of that dotted name."""
        return Opaque()

    def do(self, name: str, argument: Any) -> None:
        """One instruction."""
        push = self.stack.append
        match name:
            case "PROTO" | "FRAME" | "READONLY_BUFFER":
                pass
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                push({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
            case "EMPTY_LIST":
                push([])
            case "EMPTY_TUPLE":
                push(())
            case "EMPTY_DICT":
                push({})
            case "EMPTY_SET":
                push(set())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                push(tuple(self._pop(int(name[-1]))))
            case "MARK":
                self._aside.append(self.stack)
                self.stack = []
            case "LIST":
                self._push_on(lambda items: items)
            case "TUPLE":
                self._push_on(tuple)
            case "FROZENSET":
                self._push_on(lambda items: frozenset(self._checked(items)))
            case "DICT":
                self._push_on(self._pairs)
            case "APPEND" | "APPENDS":
                items = self._pop(1) if name == "APPEND" else self._since_mark()
                if isinstance(self.stack[-1], list):
                    self.stack[-1] += items
            case "SETITEM" | "SETITEMS":
                items = self._pop(2) if name == "SETITEM" else self._since_mark()
                if isinstance(self.stack[-1], dict):
                    cast("dict[Any, Any]", self.stack[-1]).update(self._pairs(items))
            case "ADDITEMS":
                items = self._since_mark()
                if isinstance(self.stack[-1], set):
                    cast("set[Any]", self.stack[-1]).update(self._checked(items))
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self.stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = self.stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                push(self._memo[argument])
            case "POP":
                self.stack.pop() if self.stack else self._since_mark()
            case "POP_MARK":
                self._since_mark()
            case "DUP":
                push(self.stack[-1])
            case "GLOBAL":
                self._stand_in(argument)
            case "STACK_GLOBAL":
                self._stand_in(".".join(self._pop(2)))
            case "EXT1" | "EXT2" | "EXT4":
                self._stand_in(f"copyreg extension {argument}")
            case "INST":
                items = self._since_mark()
                self._stand_in(argument)
                self.stack.append(self.make(self.stack.pop(), items))
            case "OBJ":
                self._push_on(lambda items: self.make(items[0], items[1:]))
            case "REDUCE" | "NEWOBJ" | "NEWOBJ_EX":
                of, *args = self._pop(3 if name == "NEWOBJ_EX" else 2)
                push(self.make(of, args[0]))
            case "BUILD":
                (state,) = self._pop(1)
                self.build(self.stack[-1], state)
            case "PERSID" | "BINPERSID" | "NEXT_BUFFER":
                raise pickle.UnpicklingError("it refers to what is not in it")
            case _:
                push(argument)

    def _pop(self, count: int) -> list[Any]:
        """The last `count` values, off the stack, in their order."""
        if len(self.stack) < count:
            raise pickle.UnpicklingError("it takes more values than it has")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self._aside.pop()
        return items

    def _push_on(self, made_of: Callable[[list[Any]], Any]) -> None:
        made = made_of(self._since_mark())
        self.stack.append(made)

    def _pairs(self, items: list[Any]) -> dict[Any, Any]:
        return dict(zip(self._checked(items[::2]), items[1::2], strict=True))

    def _checked(self, keys: list[Any]) -> list[Any]:
        """These keys. Python would hash one that is nested too deep until its stack ends, and the process with it; of
        what is built of many references to one part, each anew; and large numbers can be made that all hash alike."""
        for key in keys:
            left, parts = _MOST_OF_KEYS, [key]
            while parts:
                part: Any = parts.pop()
                if isinstance(part, tuple | frozenset):
                    inner = cast("tuple[Any, ...]", part)
                    left -= 1 + len(inner)
                    parts += inner if left >= 0 else ()
                elif isinstance(part, int) and part.bit_length() > 64:
                    self._large_numbers += 1
                if left < 0 or self._large_numbers > _MOST_OF_KEYS:
                    raise pickle.UnpicklingError("its keys are too large")
        return keys

    def _stand_in(self, named: str) -> None:
        self.named.append(named)
        self.stack.append(self.name(named))


class _Recorder(_Machine):
    """Keeps what objects were to be made of. What it was to be called with by keyword is not kept."""

    def make(self, of: Any, args: Any) -> Any:
        called = tuple(cast("list[Any]", args)) if isinstance(args, list | tuple) else ()
        if not isinstance(of, Recorded):
            return Recorded("something that is no name", called)
        match of.name, of.args, called:
            # How earlier protocols say a method of a class, and an object of one.
            case (("builtins.getattr" | "__builtin__.getattr"), (Recorded(name=name), str(method)), _):
                return Recorded(f"{name}.{method}", called)
            case (("copyreg._reconstructor" | "copy_reg._reconstructor"), None, (Recorded(name=name), *_)):
                return Recorded(name, ())
            case _:
                return Recorded(of.name, called)

    def build(self, made: Any, state: Any) -> None:
        if isinstance(made, Recorded):
            made.state = state

    def name(self, named: str) -> Any:
        return Recorded(named)
