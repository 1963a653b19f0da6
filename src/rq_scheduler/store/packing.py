"""Maps for a script, as two arguments: MessagePack, and the bytes that it cannot hold.

redis-py, Redis and Lua take two arguments apart faster than dozens. Lua's MessagePack has no bytes: they are put into
the second argument, and where they are there stands in their place (`lua/include/packed.lua`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.store.command import wire

__all__ = ["encoded", "packed", "packed_fields"]


class _Bytes:
    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def packed(maps: list[dict[str, Any]]) -> tuple[bytes, bytes]:
    """Maps of texts, booleans and `packed_fields`."""
    apart = bytearray()

    def put_apart(value: _Bytes) -> dict[str, int]:
        first = len(apart) + 1
        apart.extend(value.data)
        return {"first": first, "last": len(apart)}

    try:
        return msgspec.msgpack.encode(maps, enc_hook=put_apart), bytes(apart)
    except UnicodeEncodeError:  # names come from Redis too, and may be no UTF-8
        apart.clear()
        maps = [{name: _whole(value) for name, value in each.items()} for each in maps]
        return msgspec.msgpack.encode(maps, enc_hook=put_apart), bytes(apart)


def packed_fields(fields: Mapping[str, Any]) -> list[Any]:
    """A hash for `packed`: {field, value, ...}. Raises InvalidArgument for what Redis cannot hold."""
    return [each if type(each) is str else _packable(each) for field in fields.items() for each in field]


def encoded(value: Any) -> bytes:
    """A text, bytes or a number as Redis holds it. Raises InvalidArgument for anything else."""
    if isinstance(value, str):
        return wire(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value).encode()
    raise InvalidArgument(f"a job has a field that Redis cannot hold, {value!r}: give it a text, bytes or a number")


def _packable(value: Any) -> str | _Bytes:
    data = encoded(value)
    return data.decode() if data.isascii() else _Bytes(data)


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_packable(each) if isinstance(each, str) else each for each in cast("list[Any]", value)]
    return _packable(value) if isinstance(value, str) else value
