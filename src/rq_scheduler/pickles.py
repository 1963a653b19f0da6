"""Pickles that foreign hands may have written, read without making what they name: nothing is imported, nothing called.

A job's meta says how the job recurs in plain values; whatever else is in it is the application's matter. Knows nothing
of jobs.
"""

from __future__ import annotations

import pickle
import pickletools
from io import BytesIO
from typing import Any, Self, cast

from rq.serializers import DefaultSerializer

__all__ = ["PICKLES", "RECURRENCE", "PlainPickles", "is_opaque", "outline"]

RECURRENCE = ("interval", "cron_string", "repeat")
"""What a job's meta says how it recurs with."""


class _Opaque:
    """Stands for an object that was not made. Takes whatever a pickle does to it."""

    def __new__(cls, *args: Any, **options: Any) -> Self:
        return super().__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None: ...
    def __setstate__(self, state: Any) -> None: ...
    def __setitem__(self, key: Any, value: Any) -> None: ...
    def append(self, item: Any) -> None: ...
    def extend(self, items: Any) -> None: ...
    def add(self, item: Any) -> None: ...


class _Outline(pickle.Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(BytesIO(data))
        self.named: list[str] = []

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        self.named.append(f"{module_name}.{global_name}")
        # A class of its own each time: what a pickle sets on one, no other sees.
        return type("Opaque", (_Opaque,), {})


def outline(data: bytes) -> tuple[Any, list[str]]:
    """What a pickle holds, with stand-ins for its objects (`is_opaque`), and the dotted names that it asked for.

    Raises (ValueError, pickle.UnpicklingError, ...) for what is no pickle.
    """
    for operation, argument, _ in pickletools.genops(data):
        # C allocates what these name: more of it than there are bytes is a trap.
        if "PUT" in operation.name and isinstance(argument, int) and argument > len(data):
            raise pickle.UnpicklingError("it numbers more values than it has bytes")
    reader = _Outline(data)
    return reader.load(), reader.named


def is_opaque(value: Any, *names: str) -> bool:
    """Whether this stands for an object, or a class, that was not made; of a dict, whether one of these values does."""
    if isinstance(value, dict):
        return any(isinstance(cast("dict[Any, Any]", value).get(name), _Opaque | type) for name in names)
    return isinstance(value, _Opaque | type)


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
