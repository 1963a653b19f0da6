"""Moments as a colleague would say them: by one clock, as short as they can be without being mistaken. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from rq_scheduler.clock import in_zone
from rq_scheduler.humanize import length

__all__ = ["Times", "capital", "clock", "is_repeated", "zone_label"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Times:
    """Moments by the clock of the zone `name`. `about` is the moment that is asked about: its day needs no mention, and
    fractions of a second none where it has none. `reader` is the zone of whoever asks, if that is another."""

    name: str
    about: datetime
    now: datetime
    reader: tzinfo | None = None

    @property
    def zone(self) -> tzinfo:
        return UTC if self.name == "UTC" else ZoneInfo(self.name)

    def full(self, at: datetime) -> str:
        """`02:30 on Sat 28 Nov (Europe/Paris)`, with the reader's clock where that shows something else."""
        here = in_zone(at, self.zone)
        zones = self.name
        if self.reader is not None:
            there = in_zone(at, self.reader)
            if there.utcoffset() != here.utcoffset():
                day = "" if there.date() == here.date() else f"{_day(there, there.year != here.year)} "
                zones += f"; {day}{clock(there)} {zone_label(self.reader)}"
        return f"{clock(here)} on {self.day(at)} ({zones})"

    def day(self, at: datetime) -> str:
        """`Sat 28 Nov`, with the year where that is another than now's."""
        return self._day(in_zone(at, self.zone))

    def _day(self, here: datetime) -> str:
        return _day(here, here.year != _date(self.now, self.zone).year)

    def short(self, at: datetime) -> str:
        """`02:30`, or `Fri 27 Nov 18:02` on another day than is asked about."""
        here = in_zone(at, self.zone)
        same = here.date() == _date(self.about, self.zone)
        return self._clock(here) if same else f"{self._day(here)} {self._clock(here)}"

    def on(self, at: datetime) -> str:
        """The same within a sentence: `at 02:30`, `on Fri 27 Nov at 18:02`."""
        here = in_zone(at, self.zone)
        same = here.date() == _date(self.about, self.zone)
        return f"at {self._clock(here)}" if same else f"on {self._day(here)} at {self._clock(here)}"

    def stretch(self, first: datetime, last: datetime) -> str:
        """`from 22:00:00 to 05:59:59`; with days where the clock alone could be mistaken."""
        seconds = any(_has_seconds(each) for each in (first, last))
        if last - first < _DAY and first <= self.about <= last:
            texts = (clock(in_zone(each, self.zone), seconds=seconds) for each in (first, last))
        else:
            texts = (f"{self.day(each)} {clock(in_zone(each, self.zone), seconds=seconds)}" for each in (first, last))
        return "from {} to {}".format(*texts)

    def _clock(self, here: datetime) -> str:
        return clock(here if self.about.microsecond >= 1000 or not here.microsecond else here.replace(microsecond=0))

    def until(self, at: datetime) -> str:
        """How long it is from now to then, or from then to now."""
        return length(abs(at - self.now), coarse=abs(at - self.now) >= timedelta(seconds=10))


def clock(here: datetime, *, seconds: bool = False) -> str:
    """`02:30`, `02:30:15`, `02:30:15.250`; with the offset where that clock shows the time twice."""
    spec = "milliseconds" if here.microsecond >= 1000 else "seconds" if here.second or seconds else "minutes"
    text = here.time().isoformat(spec)
    if not is_repeated(here):
        return text
    offset = here.strftime("%z")
    return f"{text}{offset[:3]}:{offset[3:5]}"


def capital(text: str) -> str:
    """As the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def is_repeated(here: datetime) -> bool:
    """Whether the clock of its zone shows this time twice."""
    if here.tzinfo is UTC:
        return False
    own, other = here.utcoffset(), here.replace(fold=1 - here.fold).utcoffset()
    if own == other or own is None or other is None:
        return False
    # In a gap the offsets differ too, the other way round.
    return own > other if here.fold == 0 else other > own


def zone_label(zone: tzinfo) -> str:
    """The name of a zone: `Europe/Paris`, `UTC`, `+01:00`."""
    return getattr(zone, "key", None) or str(zone)


# A page says a thousand moments beside the same one.
@lru_cache(16)
def _date(at: datetime, zone: tzinfo) -> date:
    return in_zone(at, zone).date()


def _day(here: datetime, year: bool) -> str:
    said = here.ctime()  # "Fri Nov 27 18:02:00 2026", in every locale
    text = f"{said[:3]} {here.day} {said[4:7]}"
    return f"{text} {here.year}" if year else text


def _has_seconds(at: datetime) -> bool:
    return bool(at.second or at.microsecond >= 1000)
