"""This host's time zone: its IANA name, and what is said where it has none.

Knows no trigger. tzlocal would know fewer hosts (docs/decisions/0013-host-zone.md).
"""

from __future__ import annotations

import functools
import importlib.resources
import os
import re
import time
import zoneinfo
from datetime import timedelta, timezone
from pathlib import Path

from rq_scheduler.triggers.zone_names import NOT_A_PLACE

__all__ = ["host_zone", "unnamed_zone"]

_UTC = re.compile(r"(Etc/)?(UTC|UCT|Zulu|Universal|Greenwich|GMT[+-]?0?)")


def host_zone() -> str:
    """The IANA name of this host's time zone; `"UTC"` when it has none that can be found (see `unnamed_zone`).

    Looks, in this order, at the `TZ` variable (a name or a file), the `/etc/localtime` link, the zone files for one
    with its content (hosts where it is a copy), and `/etc/timezone`.
    """
    return _name(os.environ.get("TZ"), Path("/etc")) or "UTC"


def unnamed_zone() -> str | None:
    """Where `host_zone` says UTC though this host's clock differs from it, now or in another season, as after
    `TZ="CET-1CEST,M3.5.0,M10.5.0/3"`: what this host has instead, to be told to whoever goes by it. Else None."""
    variable = os.environ.get("TZ")
    if _name(variable, Path("/etc")) is not None:
        return None
    now = time.time()
    offsets = [time.localtime(now + days * 86_400).tm_gmtoff for days in range(0, 366, 15)]
    if not any(offsets):
        return None
    source = "/etc/localtime" if variable is None else f"TZ={variable!r}"
    shown = timezone(timedelta(seconds=offsets[0]))
    return f"this host's zone, {source}, now {shown}, has no IANA name"


@functools.lru_cache(maxsize=16)
def _name(variable: str | None, etc: Path) -> str | None:
    if variable is not None:
        named = variable.removeprefix(":")
        # POSIX: an empty TZ is UTC; a rule that names no zone file (EST5EDT is one, XXX4 is not) has no IANA name.
        return _known(_below_zoneinfo(named)) or ("UTC" if not named else _of_file(named) or _fixed_offset())
    localtime, text = etc / "localtime", _of_text(etc / "timezone")
    return _of_link(localtime) or _same_content(localtime, text) or text or _fixed_offset()


def _of_file(named: str) -> str | None:
    """The zone of a file that TZ names, such as `/etc/localtime` or `posixrules`."""
    for root in ("/", *zoneinfo.TZPATH):
        file = Path(root, named)
        if os.path.isfile(file):
            return _of_link(file) or _same_content(file)
    return None


def _of_link(file: Path) -> str | None:
    if not file.is_symlink():
        return None
    return _known(_below_zoneinfo(os.path.realpath(file))) or _known(_below_zoneinfo(str(file.readlink())))


def _of_text(file: Path) -> str | None:
    try:
        return _known(file.read_text(encoding="utf-8").split("#")[0].strip())
    except (OSError, UnicodeDecodeError):
        return None


def _below_zoneinfo(path: str) -> str:
    """`Europe/Paris` out of `/usr/share/zoneinfo/Europe/Paris` (and of `.../zoneinfo/posix/Europe/Paris`)."""
    name = path.rpartition("zoneinfo/")[2]
    return name.removeprefix("posix/").removeprefix("right/")


def _known(name: str) -> str | None:
    """The name if it is a zone that Python can load, with every spelling of UTC made one."""
    if not name or name.startswith(("/", ".")) or name in NOT_A_PLACE:
        return None
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return "UTC" if _UTC.fullmatch(name) else name


def _same_content(file: Path, likely: str | None = None) -> str | None:
    """The zone whose file is the same; of several, which are one zone with several names, the likely one."""
    content = _content(file)
    if content is None:
        return None
    packaged = str(importlib.resources.files("tzdata") / "zoneinfo")
    names = sorted(zoneinfo.available_timezones() - NOT_A_PLACE)
    for name in (likely, *names) if likely else names:
        if any(_content(Path(root, name)) == content for root in (*zoneinfo.TZPATH, packaged)):
            return _known(name)
    return None


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes() if os.path.isfile(file) else None
    except OSError:
        return None


def _fixed_offset() -> str | None:
    """`Etc/GMT-2` for a host whose zone has no name but a whole number of hours and no daylight saving."""
    hours, rest = divmod(time.timezone, 3600)
    if time.daylight or rest:
        return None
    return _known(f"Etc/GMT{hours:+d}") if hours else "UTC"
