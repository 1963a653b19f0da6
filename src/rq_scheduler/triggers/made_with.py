"""What instants are worked out with, beside the definition: zone data, holidays, and this package, as one ordered text.

Of two such texts the greater is the newer. Knows no trigger.
"""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rq_scheduler._version import __version__

__all__ = ["made_with", "ordered", "zone_data"]

_ZONE_DATA = re.compile(r"# version (\w+)")


def ordered(text: str) -> str:
    """A version as a text that orders as versions do: each number in it has four digits."""
    return re.sub(r"\d+", lambda number: number[0].zfill(4), text)


@cache
def made_with() -> str:
    """The versions of zone data, of the package `holidays` ("-" without it) and of this package, in that order."""
    return " ".join(ordered(each) for each in (zone_data(), _version_of("holidays"), __version__))


def zone_data() -> str:
    """The version of the zone data, "-" where none is told. zoneinfo finds zones in the host's files first, then in the
    package `tzdata`."""
    for folder in zoneinfo.TZPATH:
        with suppress(OSError):
            if (Path(folder) / "UTC").exists():
                found = _ZONE_DATA.match((Path(folder) / "tzdata.zi").read_text("utf-8", "replace")[:100])
                return found[1] if found else "-"
    with suppress(ImportError):
        import tzdata

        return tzdata.IANA_VERSION
    return "-"


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"
