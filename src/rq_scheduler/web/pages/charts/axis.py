"""The time axis that lanes share: past on the left, now a line, the future on a tint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cached_property

from markupsafe import Markup

from rq_scheduler.clock import in_zone
from rq_scheduler.web.pages.charts import svg

__all__ = ["Axis", "Band", "axis_strip"]

_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))
_MOST_TICKS = 14
_NARROW = 3
"""On a narrow screen every third tick has its time."""


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time that is set off, and what it is called."""

    begins: datetime
    ends: datetime
    words: str


@dataclass(frozen=True)
class Axis:
    """From `since` to `until` (aware), with `now` between, by the clock of `zone`."""

    since: datetime
    until: datetime
    now: datetime
    zone: tzinfo
    bands: Sequence[Band] = ()

    def share(self, at: datetime) -> float:
        """Where a moment is: 0 at the left end, 1 at the right one; what is beyond is at the end."""
        return max(0.0, min(1.0, (at - self.since) / self._length))

    @cached_property
    def _length(self) -> timedelta:
        return self.until - self.since

    def x(self, at: datetime) -> str:
        """The same as an attribute."""
        return svg.percent(self.share(at))

    def holds(self, at: datetime) -> bool:
        """Whether a moment is on it."""
        return self.since <= at <= self.until

    @cached_property
    def ticks(self) -> Sequence[tuple[datetime, str, bool]]:
        """Round times by the clock of the zone: when, what is written there, and whether a day begins. All lanes have
        the same."""
        return list(self._ticks())

    def _ticks(self) -> Iterator[tuple[datetime, str, bool]]:
        step = next((each for each in _STEPS if (self.until - self.since) / each <= _MOST_TICKS), _STEPS[-1])
        at = in_zone(self.since, self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        since, until = self.since.timestamp(), self.until.timestamp()
        while (passed := at.timestamp()) <= until:
            if passed > since:
                begins = at.hour == 0 and at.minute == 0
                yield at, f"{at:%a} {at.day}" if begins else f"{at:%H:%M}", begins
            # By the clock, not by the time that passes: 14:00 is round also on the day on which clocks change.
            at = (at.replace(tzinfo=None) + step).replace(tzinfo=self.zone)

    def ground(self, height: int) -> Markup:
        """What is behind the marks of a lane: the future, bands, ticks. That of all lanes is the same."""
        if height not in self._grounds:
            self._grounds[height] = self._ground(height)
        return self._grounds[height]

    @cached_property
    def _grounds(self) -> dict[int, Markup]:
        return {}

    def _ground(self, height: int) -> Markup:
        y2 = str(height)
        parts = [
            svg.element(
                "rect",
                class_="fut",
                x=self.x(self.now),
                y="0",
                width=svg.percent(1 - self.share(self.now)),
                height=y2,
            )
        ]
        for band in self.bands:
            width = svg.percent(max(0.002, self.share(band.ends) - self.share(band.begins)))
            parts.append(svg.element("rect", class_="band", x=self.x(band.begins), y="0", width=width, height=y2))
        for at, _, begins in self.ticks:
            x = self.x(at)
            parts.append(svg.element("line", class_="gl day" if begins else "gl", x1=x, x2=x, y1="0", y2=y2))
        return Markup("").join(parts)

    def now_line(self, height: int) -> Markup:
        """Now."""
        x = self.x(self.now)
        return svg.element("line", class_="nowl", x1=x, x2=x, y1="0", y2=str(height))


def axis_strip(axis: Axis, label: str) -> Markup:
    """The head of all lanes: times, the names of bands, and now."""
    parts: list[Markup] = []
    here = axis.share(axis.now)
    for index, (at, words, begins) in enumerate(axis.ticks):
        share = axis.share(at)
        if abs(share - here) < 0.03 or share > 0.985:
            continue  # now says more
        classes = "axt strong" if begins else "axt odd" if index % _NARROW else "axt"
        parts.append(svg.text(words, class_=classes, x=svg.percent(share), y="31"))
    for band in axis.bands:
        middle = (axis.share(band.begins) + axis.share(band.ends)) / 2
        if abs(middle - here) < 0.12:  # now's own place
            middle = min(middle, here - 0.025)
        anchor = " start" if middle < 0.08 else " end" if abs(middle - here) < 0.12 or middle > 0.92 else ""
        parts.append(svg.text(band.words, class_=f"bandt{anchor}", x=svg.percent(middle), y="13"))
    chip = (
        svg.element("rect", class_="nowchip", x="-22", y="1", width="44", height="17", rx="4"),
        svg.text(f"{in_zone(axis.now, axis.zone):%H:%M}", class_="nowt", x="0", y="13.5"),
        svg.element("line", class_="nowl", x1="0", x2="0", y1="18", y2="36"),
    )
    parts.append(svg.element("svg", *chip, x=axis.x(axis.now), y="0", overflow="visible"))
    return svg.element("svg", *parts, class_="strip ax", role="img", aria_label=label)
