"""How long Redis was blocked by one script, in any of the other measurements."""

from __future__ import annotations

from bench.harness import Longest
from bench.sampling import Figure
from bench.table import Line, Wanted
from bench.targets import BEFORE, LIMIT, OURS


def blocks(longest: Longest) -> list[Line]:
    """The longest script of each round: its median, and that of all rounds, which must not block Redis."""
    lines: list[Line] = []
    for who in (OURS, BEFORE, LIMIT):
        if not longest.get(who):
            continue
        most, name = max(longest[who])
        wanted = Wanted(10, at_most=True, unit=" ms") if who == OURS else None
        title, each = (
            "the longest script of each round above",
            Figure([milliseconds for milliseconds, _ in longest[who]]),
        )
        lines.append(Line(title, who, each, " ms"))
        title = f"the longest of all: {name}" if name else "the longest of all"
        lines.append(Line(title, who, Figure([most]), " ms", wanted=wanted, judged=most))
    return lines
