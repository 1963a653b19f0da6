"""A month as a table: which days have runs, which are off, on which the clocks change."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

__all__ = ["Day", "Month", "month_of"]


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the month; None of another one. kind: the mark of its runs, empty for none; words: all of it, in a
    line. off, clocks, today: whether it is."""

    number: int | None
    kind: str = ""
    words: str = ""
    off: bool = False
    clocks: bool = False
    today: bool = False


@dataclass(frozen=True, slots=True)
class Month:
    """Its name, and its weeks from Monday on."""

    name: str
    weeks: Sequence[Sequence[Day]]


def month_of(
    first: date,
    today: date,
    runs: Mapping[date, Sequence[tuple[str, str]]],
    off: Mapping[date, str],
    clocks: Mapping[date, str],
) -> Month:
    """The month that begins with `first`. runs: of each day, the kind and the words of each run; off, clocks: the days
    that are off, or on which clocks change, and what is said of them."""
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    return Month(
        f"{first:%B %Y}",
        [[_day(day, first, today, runs, off, clocks) for day in week] for week in weeks],
    )


_WORST = ("failed", "missed", "skipped", "late", "running", "waiting", "ok")
_MOST_SAID = 3


def _day(
    day: date,
    first: date,
    today: date,
    runs: Mapping[date, Sequence[tuple[str, str]]],
    off: Mapping[date, str],
    clocks: Mapping[date, str],
) -> Day:
    if day.month != first.month:
        return Day(None)
    found = runs.get(day, ())
    kinds = {kind for kind, _ in found}
    kind = next((each for each in _WORST if each in kinds), "coming" if kinds else "")
    said = [words for _, words in found[:_MOST_SAID]]
    if len(found) > _MOST_SAID:
        said.append(f"and {len(found) - _MOST_SAID} more")
    said += [words for words in (off.get(day), clocks.get(day)) if words]
    words = f"{day.day} {day:%B}" + (f": {'; '.join(said)}" if said else "")
    return Day(day.day, kind, words, day in off, day in clocks, day == today)
