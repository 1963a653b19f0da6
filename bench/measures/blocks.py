"""How long Redis was blocked by one script, in any of the other measurements."""

from __future__ import annotations

from bench.sampling import Figure
from bench.stage import Longest
from bench.subjects import LIMIT, OURS
from bench.table import Line, Wanted


def blocks(longest: Longest) -> list[Line]:
    """Ours beside 500 entries of the bare scripts, the longest of each round."""
    if not longest.get(OURS) or not longest.get(LIMIT):
        return []
    figures = {who: Figure([milliseconds for milliseconds, _ in longest[who]]) for who in (OURS, LIMIT)}
    ratio = figures[OURS].spread[1] / figures[LIMIT].spread[1]
    title = "the longest script of each round above"
    return [
        Line(f"{title} (of all: {max(longest[OURS])[1]})", OURS, figures[OURS], " ms"),
        Line(
            f"{title}, 500 entries: max against max", LIMIT, figures[LIMIT], " ms",
            ratio=ratio, wanted=Wanted(1, at_most=True),
        ),
    ]  # fmt: skip
