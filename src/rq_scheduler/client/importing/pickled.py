"""Moments, lengths of time and zones out of pickles that were only recorded (`pickles.recorded`). Pure: makes these
values itself, of their bytes and numbers, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from rq_scheduler.client.importing.draft import NotCarried
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.pickles import Recorded
from rq_scheduler.triggers.zone_names import zone_name

__all__ = ["length_of", "moment_of", "zone_of"]


def moment_of(value: Any) -> datetime | None:
    """A datetime, aware; None for None."""
    if value is None:
        return None
    if not isinstance(value, Recorded) or value.name != "datetime.datetime" or not value.args:
        raise NotCarried(f"{value!s:.60} is no moment that can be read here")
    packed = _bytes(value.args[0])
    if len(packed) != 10:
        raise NotCarried("a moment in it is damaged")
    high, low, month, day, hour, minute, second = packed[:7]
    return datetime(
        high * 256 + low,
        month & 0x7F,
        day,
        hour,
        minute,
        second,
        int.from_bytes(packed[7:], "big"),
        fold=month >> 7,  # its highest bit
        tzinfo=_offset_of(value.args[1]) if len(value.args) > 1 else UTC,
    )


def length_of(value: Any) -> timedelta:
    """A timedelta."""
    if isinstance(value, Recorded) and value.name == "datetime.timedelta" and value.args is not None:
        days, seconds, microseconds = (int(each) for each in (*value.args, 0, 0, 0)[:3])
        return timedelta(days, seconds, microseconds)
    raise NotCarried(f"{value!s:.60} is no length of time that can be read here")


def zone_of(value: Any) -> tzinfo:
    """A zone of zoneinfo, pytz, dateutil's UTC or an offset of the standard library, as one of the standard library.

    Raises NotCarried for any other."""
    name, args = (value.name, value.args or ()) if isinstance(value, Recorded) else ("", ())
    if name in ("pytz._UTC", "datetime.UTC", "dateutil.tz.tz.tzutc"):
        return UTC
    if name == "datetime.timezone" and args:
        return timezone(length_of(args[0]))
    key = args[0] if args and isinstance(args[0], str) else None
    if key and name in ("zoneinfo.ZoneInfo._unpickle", "pytz._p"):
        try:
            return ZoneInfo(zone_name(key))
        except InvalidArgument as error:
            raise NotCarried(str(error)) from error
    raise NotCarried(f"{value!s:.60} is no time zone that can be read here")


def _offset_of(value: Any) -> tzinfo:
    """The zone of a moment. pytz has an object for each offset of a zone, and only that says which of two equal local
    times it was."""
    zone = zone_of(value)
    match value:
        case Recorded(name="pytz._p", args=(_, int(seconds), *_)):
            return timezone(timedelta(seconds=seconds))
        case _:
            return zone


def _bytes(value: Any) -> bytes:
    """Bytes; before protocol 3 they are a text that an encoder was to turn into them."""
    if isinstance(value, Recorded) and value.name == "_codecs.encode" and value.args and isinstance(value.args[0], str):
        return value.args[0].encode("latin1")
    return value if isinstance(value, bytes) else b""
