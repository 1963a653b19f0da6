"""Time zones as whole stretches of constant offset, so that triggers can count wall time with integers.

Owns the look-up of zones by name and the timeline of each; what callers give for a name is in `zone_names`. Knows no
trigger. Seconds, not
microseconds, since the epoch: no zone has changed at a fraction of a second. A *wall* is a local date and time
written as if it were UTC, in seconds since 1970-01-01T00:00.
"""

from __future__ import annotations

import functools
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.zone_names import NOT_A_PLACE, unknown_zone

__all__ = ["CHUNK_SECONDS", "MAX_OFFSET_CHANGE", "Stretch", "Zone", "zone"]

CHUNK_SECONDS = 1 << 22
"""The timeline is worked out in pieces of this many seconds (48 days), when they are asked for."""

_DAY = 86_400

MAX_OFFSET_CHANGE = 2 * _DAY
"""More than any two offsets of one zone differ by."""

# Since 1920 no two changes of a zone's offset are closer than 3.9 days (tzdata 2026), so that probing every third
# day meets each of them; the change itself is then found by bisection.
_PROBE = 3 * _DAY
_MAX_CACHED_CHUNKS = 512

# Two days away from both ends: local times must not leave the years that a datetime can hold.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH).days * _DAY + MAX_OFFSET_CHANGE
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH).days * _DAY - MAX_OFFSET_CHANGE


class Stretch(NamedTuple):
    """The seconds `lo <= t < hi`, in which the wall is `t + offset`.

    `seen` is the wall up to which (exclusive) the clocks had come before `lo`: less than `lo + offset` after a
    jump forward (the walls between are skipped), more after a step back (the walls between are shown again).
    """

    lo: int
    hi: int
    offset: int
    seen: int


class Zone:
    """The timeline of one zone. Immutable but for its cache, which threads may share."""

    __slots__ = ("_chunks", "_constant", "_epoch", "_tz", "name")

    def __init__(self, name: str, tz: zoneinfo.ZoneInfo) -> None:
        self.name: str = name
        self._tz = tz
        self._epoch = _EPOCH.replace(tzinfo=tz)
        self._constant = name == "UTC" or name.startswith("Etc/")
        self._chunks: dict[int, tuple[Stretch, ...]] = {}

    def stretches(self, chunk: int) -> tuple[Stretch, ...]:
        """The stretches of `chunk * CHUNK_SECONDS <= t < (chunk + 1) * CHUNK_SECONDS`, in order, without holes."""
        found = self._chunks.get(chunk)
        if found is None:
            found = tuple(self._work_out(chunk * CHUNK_SECONDS, (chunk + 1) * CHUNK_SECONDS))
            if len(self._chunks) >= _MAX_CACHED_CHUNKS:
                self._chunks.clear()
            self._chunks[chunk] = found
        return found

    def at(self, second: int) -> Stretch:
        """The stretch that this second lies in (cut where the timeline is cut)."""
        stretches = self.stretches(second // CHUNK_SECONDS)
        for stretch in stretches:
            if second < stretch.hi:
                return stretch
        return stretches[-1]

    def day_number(self, second: int) -> int:
        """The local date at this second, in days since 1970-01-01."""
        return (second + self.at(second).offset) // _DAY

    def pieces(self, day: int) -> list[tuple[int, int, int]]:
        """The stretches [lo, hi) of this date (in days since 1970-01-01), each with its offset; none where the zone
        skipped it. In order of time: a clock put back past midnight has another date between two of them."""
        found: list[tuple[int, int, int]] = []
        at, last = day * _DAY - MAX_OFFSET_CHANGE, (day + 1) * _DAY + MAX_OFFSET_CHANGE
        while at < last:
            stretch = self.at(at)
            lo = max(stretch.lo, day * _DAY - stretch.offset)
            hi = min(stretch.hi, (day + 1) * _DAY - stretch.offset)
            if lo < hi:
                found.append((lo, hi, stretch.offset))
            at = stretch.hi
        return found

    def day_bounds(self, second: int) -> tuple[int, int]:
        """The seconds [lo, hi) around this one that have its local date, however long that day is.

        A clock that is put back past midnight shows the day before once more: that is a piece of its own.
        """
        stretch = self.at(second)
        day = (second + stretch.offset) // _DAY
        lo, hi = day * _DAY - stretch.offset, (day + 1) * _DAY - stretch.offset
        first = last = stretch
        while lo < first.lo:
            lo = first.lo
            first = self.at(lo - 1)
            if (lo - 1 + first.offset) // _DAY == day:
                lo = day * _DAY - first.offset
        while hi > last.hi:
            hi = last.hi
            last = self.at(hi)
            if (hi + last.offset) // _DAY == day:
                hi = (day + 1) * _DAY - last.offset
        return lo, hi

    def _offset(self, second: int) -> timedelta:
        """East of UTC at this second since the epoch."""
        # fromutc() reads the wall of its argument as UTC, and adding to an aware datetime moves just that wall.
        moment = self._epoch + timedelta(seconds=min(max(second, _FIRST), _LAST))
        return self._tz.fromutc(moment).utcoffset() or timedelta()

    def _work_out(self, lo: int, hi: int) -> list[Stretch]:
        # Begin early: a step back just before `lo` may still be showing walls for the second time.
        begin = lo - MAX_OFFSET_CHANGE
        delta = self._offset(begin)
        offset = delta.days * _DAY + delta.seconds
        if self._constant:
            return [Stretch(lo, hi, offset, lo + offset)]
        seen = begin + offset
        stretches: list[Stretch] = []
        while True:
            change = self._change(begin, hi, delta)
            if change > lo:
                # A stretch that began before `lo` is cut there, and by then has shown its walls up to the cut.
                start, past = (begin, seen) if begin >= lo else (lo, max(seen, lo + offset))
                stretches.append(Stretch(start, change, offset, past))
            if change >= hi:
                return stretches
            seen = max(seen, change + offset)
            begin = change
            delta = self._offset(begin)
            offset = delta.days * _DAY + delta.seconds

    def _change(self, at: int, hi: int, delta: timedelta) -> int:
        """The first second after `at` (where `delta` holds) and before `hi` with another offset, else `hi`."""
        while at < hi:
            ahead = min(at + _PROBE, hi)
            if self._offset(ahead) == delta:
                at = ahead
                continue
            while ahead - at > 1:
                middle = (at + ahead) // 2
                if self._offset(middle) == delta:
                    at = middle
                else:
                    ahead = middle
            return ahead
        return hi


@functools.lru_cache(maxsize=1024)
def zone(name: str) -> Zone:
    """The zone of this IANA name; tz data is read once a process.

    Raises InvalidArgument, with the nearest names, when there is no such zone.
    """
    # `right/` counts leap seconds, which Redis does not.
    if name not in NOT_A_PLACE and not name.startswith(("right/", "posix/")):
        try:
            return Zone(name, zoneinfo.ZoneInfo(name))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise InvalidArgument(unknown_zone(name))
