"""Moments as a colleague would say them: by one clock, as short as they can be without being mistaken. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

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
        here = at.astimezone(self.zone)
        zones = self.name
        if self.reader is not None:
            there = at.astimezone(self.reader)
            if there.utcoffset() != here.utcoffset():
                day = "" if there.date() == here.date() else f"{_day(there, there.year != here.year)} "
                zones += f"; {day}{clock(there)} {zone_label(self.reader)}"
        return f"{clock(here)} on {self.day(at)} ({zones})"

    def day(self, at: datetime) -> str:
        """`Sat 28 Nov`, with the year where that is another than now's."""
        here = at.astimezone(self.zone)
        return _day(here, here.year != self.now.astimezone(self.zone).year)

    def short(self, at: datetime) -> str:
        """`02:30`, or `Fri 27 Nov 18:02` on another day than is asked about."""
        here = at.astimezone(self.zone)
        same = here.date() == self.about.astimezone(self.zone).date()
        return self._clock(here) if same else f"{self.day(at)} {self._clock(here)}"

    def on(self, at: datetime) -> str:
        """The same within a sentence: `at 02:30`, `on Fri 27 Nov at 18:02`."""
        here = at.astimezone(self.zone)
        same = here.date() == self.about.astimezone(self.zone).date()
        return f"at {self._clock(here)}" if same else f"on {self.day(at)} at {self._clock(here)}"

    def stretch(self, first: datetime, last: datetime) -> str:
        """`from 22:00:00 to 05:59:59`; with days where the clock alone could be mistaken."""
        seconds = any(_has_seconds(each) for each in (first, last))
        if last - first < _DAY and first <= self.about <= last:
            texts = (clock(each.astimezone(self.zone), seconds=seconds) for each in (first, last))
        else:
            texts = (f"{self.day(each)} {clock(each.astimezone(self.zone), seconds=seconds)}" for each in (first, last))
        return "from {} to {}".format(*texts)

    def _clock(self, here: datetime) -> str:
        return clock(here if self.about.microsecond >= 1000 else here.replace(microsecond=0))

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
    other = here.replace(fold=1 - here.fold)
    first, second = (each.utcoffset() for each in (here.replace(fold=0), here.replace(fold=1)))
    # In a gap the offsets differ too, the other way round.
    return other.utcoffset() != here.utcoffset() and first is not None and second is not None and first > second


def zone_label(zone: tzinfo) -> str:
    """The name of a zone: `Europe/Paris`, `UTC`, `+01:00`."""
    return getattr(zone, "key", None) or str(zone)


def _day(here: datetime, year: bool) -> str:
    text = f"{here:%a} {here.day} {here:%b}"
    return f"{text} {here.year}" if year else text


def _has_seconds(at: datetime) -> bool:
    return bool(at.second or at.microsecond >= 1000)
