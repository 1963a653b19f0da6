"""How long Redis was blocked by one script, in any of the other measurements."""

from __future__ import annotations

from bench.sampling import Figure
from bench.stage import Longest
from bench.subjects import LIMIT, OURS
from bench.table import Line, Wanted


def blocks(longest: Longest) -> list[Line]:
    """Ours beside 500 entries of the bare scripts, the longest of each round."""
    ours, limit = (max(longest.get(who, [0.0])) for who in (OURS, LIMIT))
    if not ours or not limit:
        return []
    title = "the longest script, of any round above"
    wanted = Wanted(1, at_most=True)
    beside = f"{title}: 500 entries; ours is"
    return [
        Line(title, OURS, Figure(longest[OURS]), " ms"),
        Line(beside, LIMIT, Figure(longest[LIMIT]), " ms", ratio=ours / limit, wanted=wanted),
    ]
