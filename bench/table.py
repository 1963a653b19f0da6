"""The lines of the result, and how they read: one Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.sampling import Figure, Series, faster

HEADER = (
    "what", "who", "median", "min to max", "CPU: Redis", "CPU: both",
    "ratio", "by Redis's CPU", "by both CPUs", "wanted", "met",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a ratio or a figure has to be, at least or at most."""

    bound: float
    at_most: bool = False
    unit: str = "x"

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {number(self.bound)}{self.unit}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. `ratio` is ours to this target's, or what `what` says; `wanted` is what it must be."""

    what: str
    who: str
    figure: Figure | None = None
    unit: str = ""
    redis: Figure | None = None
    total: Figure | None = None
    ratio: float | None = None
    by_redis: float | None = None
    by_total: float | None = None
    wanted: Wanted | None = None
    judged: float | None = None
    """What `wanted` is about, where that is not `ratio`."""

    @property
    def met(self) -> bool | None:
        value = self.ratio if self.judged is None else self.judged
        return None if self.wanted is None or value is None else self.wanted.met(value)

    def cells(self) -> list[str]:
        figure, met = self.figure, self.met
        spread = "" if figure is None or len(figure.values) == 1 else " to ".join(map(number, figure.spread))
        return [
            self.what,
            self.who,
            "" if figure is None else f"{number(figure.median)}{self.unit}",
            spread,
            *("" if each is None else f"{number(each.median)} us" for each in (self.redis, self.total)),
            *("" if each is None else f"{number(each)}x" for each in (self.ratio, self.by_redis, self.by_total)),
            "" if self.wanted is None else str(self.wanted),
            "" if met is None else ("yes" if met else "**no**"),
        ]


def compared(what: str, ours: str, series: dict[str, Series], wanted: dict[str, Wanted]) -> list[Line]:
    """A line for each target: its rate, and how many times faster ours is."""
    return [
        Line(
            f"{what}, {each.jobs:,}",
            who,
            each.rate,
            "/s",
            each.redis,
            each.total,
            *((None, None, None) if who == ours else faster(series[ours], each)),
            wanted.get(who),
        )
        for who, each in series.items()
    ]


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first row its headings."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts) + "\n"
