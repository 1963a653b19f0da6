"""What callers give as itself or by a name: classes of jobs and queues, serializers. Owns the errors about them."""

from __future__ import annotations

from typing import Any, TypeVar

from rq.serializers import resolve_serializer

from rq_scheduler.dotted import find
from rq_scheduler.errors import InvalidArgument, InvalidType

__all__ = ["load_class", "load_serializer"]

T = TypeVar("T")


def load_class(value: type[T] | str, base: type[T], name: str) -> type[T]:
    """A class from itself or from its dotted path; InvalidArgument or InvalidType unless it is a `base`."""
    loaded = _load(value, name)
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise InvalidType(f"{name}={value!r} is not a subclass of rq.{base.__name__}")
    return loaded


def load_serializer(value: Any) -> Any:
    """What RQ takes as a serializer: a name of RQ's, a dotted path, or what has `dumps` and `loads`; None is pickle.

    Raises InvalidArgument for a name under which there is none, InvalidType for what is none.
    """
    if not value or (isinstance(value, str) and "." not in value):
        try:
            return resolve_serializer(value)
        except ValueError:
            raise InvalidArgument(
                f"serializer={value!r} is no serializer of RQ's: give 'json', 'pickle', a class or its dotted path"
            ) from None
    loaded = _load(value, "serializer")
    try:
        return resolve_serializer(loaded)
    except NotImplementedError:
        raise InvalidType(f"serializer={value!r} has no dumps and loads, and RQ needs both") from None


def _load(value: Any, name: str) -> Any:
    """What a dotted path stands for; all else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return find(value)
    except InvalidArgument as error:
        raise InvalidArgument(
            f"{name}={value!r} cannot be imported ({error}): give the class, "
            "or a dotted path that this process can import"
        ) from error
