"""How the package's structs are written down: JSON for Redis, the values of TOML and JSON files, JSON Schema.

Owns the one type that msgspec does not know, a length of time written as people do ("90s"). Knows no struct.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from rq_scheduler.clock import US, duration_us, timedelta_us
from rq_scheduler.errors import InvalidArgument, kind_of

__all__ = ["Duration", "decode", "encode", "from_builtins", "schema", "schemas", "settle", "to_builtins"]

T = TypeVar("T")


class Duration(timedelta):
    """A length of time: a timedelta that is written as text ("90s", "0.25s") and read from seconds or text ("10m")."""

    @classmethod
    def of(cls, value: float | timedelta | str, name: str) -> Duration:
        """From what callers give: seconds, a timedelta or text such as "10m".

        Raises InvalidArgument or InvalidType, naming `name`, for anything that is no finite length of time.
        """
        if isinstance(value, cls):
            return value
        us = duration_us(value, name)
        try:
            return cls(microseconds=us)
        except OverflowError:
            raise InvalidArgument(f"{name}={value!r} is too large: the longest duration is 2.7 million years") from None

    @property
    def us(self) -> int:
        """The same in integer microseconds."""
        return timedelta_us(self)

    def __str__(self) -> str:
        """Exact, and what the constructor of a trigger, a file and RQ read as text."""
        us = self.us
        seconds, rest = divmod(abs(us), US)
        fraction = f".{rest:06d}".rstrip("0") if rest else ""
        return f"{'-' if us < 0 else ''}{seconds}{fraction}s"


def settle(*types: Any) -> None:
    """Have msgspec look up what the annotations of these types mean, now: it would at their first use, and keep it.

    By then an application's tests may have frozen time, with another class under the name `datetime` in each module.
    """
    for type in types:
        msgspec.json.Decoder(type, dec_hook=_decode_hook)


def encode(value: Any) -> bytes:
    """The JSON of a struct."""
    return _ENCODER.encode(value)


def decode(stored: bytes | str, type: type[T]) -> T:
    """The struct of that JSON. Raises msgspec.DecodeError that names the field that is wrong."""
    return msgspec.json.decode(stored, type=type, dec_hook=_decode_hook)


def to_builtins(value: Any) -> Any:
    """A struct as dicts, lists and plain values."""
    return msgspec.to_builtins(value, enc_hook=_encode_hook)


def from_builtins(value: Any, type: type[T]) -> T:
    """The struct of dicts, lists and plain values, as a TOML file gives them. Raises msgspec.ValidationError."""
    return msgspec.convert(value, type=type, dec_hook=_decode_hook)


def schema(type: Any) -> dict[str, Any]:
    """The JSON Schema of a type."""
    return msgspec.json.schema(type, schema_hook=_schema_hook)


def schemas(types: Sequence[Any], ref: str) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """The JSON Schemas of several types, and those of the structs in them by name; `ref` is how one refers to those,
    with `{name}` in it."""
    return msgspec.json.schema_components(types, schema_hook=_schema_hook, ref_template=ref)


@lru_cache(maxsize=1024)
def _duration_of(text: str) -> Duration:
    """Nearly all schedules have the same few."""
    return Duration.of(text, "duration")


def _encode_hook(value: Any) -> Any:
    if isinstance(value, Duration):
        return str(value)
    raise NotImplementedError(f"{value!r} is {kind_of(value)}, which no JSON value stands for")


def _decode_hook(type: Any, value: Any) -> Any:
    if type is Duration:
        return _duration_of(value) if isinstance(value, str) else Duration.of(value, "duration")
    raise NotImplementedError(f"nothing is known of {type!r}")


def _schema_hook(type: Any) -> dict[str, Any]:
    if type is Duration:
        return {
            "type": ["string", "number"],
            "description": "Seconds, or digits and a unit: s, m, h or d.",
            "examples": ["90s", "10m", "7d", 0.5],
        }
    raise NotImplementedError(f"nothing is known of {type!r}")


_ENCODER = msgspec.json.Encoder(enc_hook=_encode_hook)
