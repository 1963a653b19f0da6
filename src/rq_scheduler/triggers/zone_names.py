"""The names of time zones: from what callers give as `timezone=` to an IANA name, and what they may have meant by a
name that is none.

Knows no zone's clock and no trigger.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import timedelta, tzinfo
from difflib import get_close_matches

from rq_scheduler.errors import InvalidArgument, InvalidType

__all__ = ["NOT_A_PLACE", "unknown_zone", "zone_name"]

NOT_A_PLACE = frozenset({"localtime", "posixrules", "Factory"})
"""Files beside the zones; `localtime` would mean another zone on each host."""

# "CEST" and "+02:00" hold for half a year, and Etc/GMT-2 is east of Greenwich, which nobody expects.
_ABBREVIATION = re.compile(r"[A-Z]{1,4}T", re.ASCII | re.IGNORECASE)
_CAPITALS = re.compile(r"[A-Z]{2,5}", re.ASCII)
_OFFSET = re.compile(r"(Etc/)?(UTC|GMT)?[ +-]*\d{1,2}(:?\d\d)?", re.ASCII | re.IGNORECASE)
_CODE = re.compile(r"\S*[.(]\S*")


def zone_name(timezone: object) -> str:
    """The IANA name for what a caller gave as `timezone=`: a name, a ZoneInfo, a zone of pytz, or UTC by any library.

    Raises InvalidArgument for an offset, which is no zone, InvalidType for other objects; whether a name is known,
    `zones.zone()` says.
    """
    if isinstance(timezone, str):
        return timezone
    if isinstance(timezone, tzinfo):
        name = getattr(timezone, "key", None) or getattr(timezone, "zone", None)  # of zoneinfo, of pytz
        if isinstance(name, str):
            return name
        if isinstance(timezone, zoneinfo.ZoneInfo):
            raise InvalidArgument(
                "timezone= is a ZoneInfo without a name (from a file): give one made by ZoneInfo('Area/City'), "
                "since the schedule is stored by that name"
            )
        offset = timezone.utcoffset(None)
        # What astimezone() makes has a place's letters: in London, "GMT" in winter and "BST" in summer.
        if offset == timedelta() and timezone.tzname(None) in (None, "UTC", "UTC+00:00", "Z"):
            return "UTC"
        if offset is not None:
            raise InvalidArgument(_fixed(timezone, offset))
    raise InvalidType(
        f"timezone={timezone!r} ({type(timezone).__name__}) will not do: give an IANA name such as "
        "'Europe/Paris', or zoneinfo.ZoneInfo('Europe/Paris')"
    )


def _fixed(timezone: tzinfo, offset: timedelta) -> str:
    hours, rest = divmod(offset, timedelta(hours=1))
    name = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    always = f"; or {name!r}, if it is meant all year round" if not rest and -12 <= hours <= 14 else ""
    return (
        f"timezone={timezone!r} is an offset, which does not say when its clocks change: give the place that is meant, "
        f"such as 'Europe/Paris'{always}"
    )


def unknown_zone(name: str) -> str:
    """The message for a name that no zone has, with the names that may have been meant."""
    # Without regard to case, and by the last part alone too: people write "paris" and "US/Paris".
    places = sorted(key for key in zoneinfo.available_timezones() - NOT_A_PLACE if not _OFFSET.fullmatch(key))
    known = {key.casefold(): key for key in places}
    by_city: dict[str, list[str]] = {}
    for folded, key in known.items():
        by_city.setdefault(folded.rpartition("/")[2], []).append(key)
    text = name.strip()
    wanted = text.replace(" ", "_").casefold()
    hint = "give a name such as 'Europe/Paris' or 'UTC'"
    names: list[str] = []
    if wanted in known:
        names = [known[wanted]]
    elif _CODE.fullmatch(text):  # "timezone.utc", "ZoneInfo('Europe/Paris')"
        names = [known[word] for word in re.findall(r"[\w/+-]+", wanted) if word in known]
    elif _ABBREVIATION.fullmatch(text) or _OFFSET.fullmatch(text):
        hint = _MEANS_NO_PLACE
    elif wanted in by_city:
        names = by_city[wanted]
    elif _CAPITALS.fullmatch(text):
        hint = _MEANS_NO_PLACE
    else:
        # Names such as EST are near to other abbreviations alone.
        long = [folded for folded, key in known.items() if not _CAPITALS.fullmatch(key)]
        near = [known[key] for key in get_close_matches(wanted, long, n=3, cutoff=0.7)]
        for city in get_close_matches(wanted.rpartition("/")[2], by_city, n=2, cutoff=0.7):
            near += by_city[city] if len(city) > 3 else []
        names = list(dict.fromkeys(near))[:3]
    if names:
        hint = f"did you mean {' or '.join(map(repr, names))}?"
    return f"timezone={name!r} is no IANA time zone known here: {hint}"


_MEANS_NO_PLACE = (
    "an abbreviation or an offset does not say when its clocks change; give the place that is meant, such as "
    "'Europe/Paris', or 'UTC'"
)
