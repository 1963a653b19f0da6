"""Exclusions: whole local days on which a schedule does not fire, by date or by a country's holidays.

Owns `Dates`, `Holidays`, what several of them come to, and what a local day is in instants. Knows no trigger, no
schedule, no Redis and no RQ; the package `holidays` is imported when the first holiday is looked up. Instants are
microseconds since the epoch, UTC.
"""

from __future__ import annotations

import functools
import importlib.util
from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime, tzinfo
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import force_setattr

from rq_scheduler.clock import US
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.triggers.base import TriggerMeta
from rq_scheduler.triggers.work import spend, spend_once
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import zone

__all__ = ["MAX_EXCLUDED_DAYS", "AnyExclusion", "Dates", "DaysOff", "Holidays", "Span"]

MAX_EXCLUDED_DAYS = 4_000
"""Excluded days in a row after which a trigger is taken to meet no other day."""

Span = tuple[int, int]
"""From, and up to but without."""

T = TypeVar("T")

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_ORDINAL, _LAST_ORDINAL = date.min.toordinal(), date.max.toordinal()

_YEAR_OF_HOLIDAYS = 500
"""What it counts to work out one year of one country."""


class _Exclusion(msgspec.Struct, metaclass=TriggerMeta, frozen=True, kw_only=True, tag_field="type"):
    """Whole local days, counted in `timezone`, or where that is None, in the zone of the schedule's trigger."""

    timezone: str | None = None

    def __post_init__(self) -> None:
        if self.timezone is not None:
            force_setattr(self, "timezone", zone(zone_name(self.timezone)).name)

    def excluded_day(self, us: int, zone_name: str) -> tuple[int, int] | None:
        """The local day [start, end) that `us` lies in, if it is excluded, else None; in microseconds.

        `zone_name` counts where the exclusion names no zone of its own. A day is as long as the clock makes it; one
        that a zone skipped has no instants. Raises InvalidArgument for an unknown zone.
        """
        line = zone(self.timezone or zone_name)
        second = us // US
        if not self._excludes(line.day_number(second)):
            return None
        lo, hi = line.day_bounds(second)
        return lo * US, hi * US

    def _date(self, us: int, zone_name: str) -> date:
        """The local date at that moment."""
        return date.fromordinal(zone(self.timezone or zone_name).day_number(us // US) + _EPOCH_ORDINAL)

    @abstractmethod
    def reason(self, us: int, zone_name: str) -> str:
        """In words, why the local day that `us` lies in is excluded, which it has to be."""

    @abstractmethod
    def _excludes(self, day: int) -> bool:
        """Whether this date is excluded; in days since 1970-01-01."""


class _DatesMeta(TriggerMeta):
    """Lets `Dates` take its days one by one; decoding and `replace` go by the stored fields, past it."""

    def __call__(
        cls: type[T],  # noqa: N805 (of a metaclass)
        *days: date | str,
        timezone: str | tzinfo | None = None,
    ) -> T:
        return super().__call__(tuple(_date(day) for day in days), timezone=timezone)


class Dates(_Exclusion, metaclass=_DatesMeta, frozen=True, tag="dates"):
    """These days: `Dates("2026-12-25", date(2026, 12, 31), timezone=None)`, at least one.

    Raises InvalidArgument for text that is no date and an unknown zone, InvalidType for anything but dates and text.
    Stored as `{"type": "dates", "days": ["2026-12-25"], "timezone": null}`, in order.
    """

    days: tuple[date, ...]

    if TYPE_CHECKING:

        def __init__(self, *days: date | str, timezone: str | tzinfo | None = None) -> None: ...

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.days:
            raise InvalidArgument("Dates() names no day, so it excludes none: give at least one, such as '2026-12-25'")
        force_setattr(self, "days", tuple(sorted(set(self.days))))

    def reason(self, us: int, zone_name: str) -> str:
        """As one of its dates."""
        return "one of its Dates"

    def _excludes(self, day: int) -> bool:
        at = day + _EPOCH_ORDINAL
        if not _FIRST_ORDINAL <= at <= _LAST_ORDINAL:
            return False
        wanted = date.fromordinal(at)
        found = bisect_left(self.days, wanted)
        return found < len(self.days) and self.days[found] == wanted

    def __repr__(self) -> str:
        timezone = "" if self.timezone is None else f", timezone={self.timezone!r}"
        return f"Dates({', '.join(repr(day.isoformat()) for day in self.days)}{timezone})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would hand the days to the constructor as one.
        return _restore, (self.days, self.timezone)


class _HolidaysMeta(TriggerMeta):
    """Lets `Holidays` take its zone in third place, as Python callers write it."""

    def __call__(
        cls: type[T],  # noqa: N805 (of a metaclass)
        country: str,
        subdivision: str | None = None,
        timezone: str | tzinfo | None = None,
    ) -> T:
        return super().__call__(country, subdivision, timezone=timezone)


class Holidays(_Exclusion, metaclass=_HolidaysMeta, frozen=True, tag="holidays"):
    """The public holidays of a country: `Holidays("FR")`, `Holidays("DE", "BY")`, as the package `holidays` has them.

    `country` is an ISO 3166 code, `subdivision` that package's code of a part of it with holidays of its own.

    Raises InvalidArgument, with the nearest names, for a country or subdivision that is not known. Needs
    that package (`pip install holidays`): where that is missing, a stored one can be read, and `excluded_day`
    raises InvalidArgument. Stored as `{"type": "holidays", "country": "FR", "subdivision": null, "timezone": null}`.
    """

    country: str
    subdivision: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self, country: str, subdivision: str | None = None, timezone: str | tzinfo | None = None
        ) -> None: ...

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("country", "subdivision"):
            value: object = getattr(self, name)
            if not isinstance(value, str) and (name == "country" or value is not None):
                raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give a code, such as Holidays('FR')")
        if importlib.util.find_spec("holidays") is not None:
            _check(self.country, self.subdivision)

    def reason(self, us: int, zone_name: str) -> str:
        """By the holiday's name, in the country's language."""
        day = self._date(us, zone_name)
        name = _holidays(self.country, self.subdivision, day.year)[day.toordinal() - _EPOCH_ORDINAL]
        return f"{name} ({self.country}{'' if self.subdivision is None else f', {self.subdivision}'})"

    def _excludes(self, day: int) -> bool:
        ordinal = day + _EPOCH_ORDINAL
        if not _FIRST_ORDINAL <= ordinal <= _LAST_ORDINAL:
            return False
        year = self.country, self.subdivision, date.fromordinal(ordinal).year
        spend_once(year, _YEAR_OF_HOLIDAYS)
        return day in _holidays(*year)


AnyExclusion = Dates | Holidays
"""Every kind of exclusion there is: the type to decode stored ones as."""


class DaysOff:
    """The days of several exclusions together. `zone_name` counts for those that name no zone of their own."""

    def __init__(self, exclude: Sequence[AnyExclusion], zone_name: str) -> None:
        self._exclude = exclude
        self._zone_name = zone_name

    def excluded_day(self, us: int) -> Span | None:
        """The local day [start, end) that `us` lies in, if one of them excludes it, else None."""
        spend(len(self._exclude))
        for one in self._exclude:
            day = one.excluded_day(us, self._zone_name)
            if day is not None:
                return day
        return None

    def spans(self, lo: int, hi: int) -> list[Span]:
        """What they exclude of [lo, hi), in order, without touching or overlapping pieces."""
        found: list[Span] = []
        for begin, end in sorted(span for one in self._exclude for span in _spans(one, lo, hi, self._zone_name)):
            if found and begin <= found[-1][1]:
                found[-1] = found[-1][0], max(found[-1][1], end)
            else:
                found.append((begin, end))
        return found


def _spans(one: AnyExclusion, lo: int, hi: int, zone_name: str) -> Iterator[Span]:
    """What is excluded of [lo, hi), a piece for each of its local days, in order."""
    line = zone(one.timezone or zone_name)
    while lo < hi:
        end = min(line.day_bounds(lo // US)[1] * US, hi)
        if one.excluded_day(lo, zone_name) is not None:
            yield lo, end
        lo = end


def _restore(days: tuple[date, ...], timezone: str | None) -> Dates:
    return Dates(*days, timezone=timezone)


def _date(day: object) -> date:
    if isinstance(day, date) and not isinstance(day, datetime):
        return day
    if not isinstance(day, str):
        raise InvalidType(
            f"Dates: {day!r} is {kind_of(day)}: whole days are excluded, so give date(2026, 12, 25) or '2026-12-25'"
        )
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise InvalidArgument(
            f"Dates: {day!r} is no date: write year-month-day, such as '2026-12-25' (years {MINYEAR} to {MAXYEAR})"
        ) from None


@functools.lru_cache(maxsize=4096)
def _holidays(country: str, subdivision: str | None, year: int) -> dict[int, str]:
    """The names of the holidays of one year, by day since 1970-01-01."""
    _check(country, subdivision)
    import holidays

    found = holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False)
    return {day.toordinal() - _EPOCH_ORDINAL: name for day, name in found.items()}


@functools.lru_cache(maxsize=1024)
def _check(country: str, subdivision: str | None) -> None:
    try:
        import holidays
    except ImportError:
        raise InvalidArgument(
            f"Holidays({country!r}) needs the package holidays, which is not installed here: pip install holidays"
        ) from None
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise InvalidArgument(f"country={country!r} has no holidays known here: {_nearest(country, list(known))}")
    if subdivision is not None and subdivision not in known[country]:
        codes = known[country]
        hint = _nearest(subdivision, codes) if codes else "leave it out, there are none"
        raise InvalidArgument(f"subdivision={subdivision!r} is none of the parts of {country} known here: {hint}")


def _nearest(name: str, known: list[str]) -> str:
    by_folded = {code.casefold(): code for code in known}
    near = [by_folded[code] for code in get_close_matches(name.strip().casefold(), by_folded, n=3, cutoff=0.6)]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"give one of {', '.join(known[:60])}"
