"""How many are due when, by quarters of an hour: each bar a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rq_scheduler.web.pages.charts import svg

__all__ = ["Bar", "histogram_plot"]

_TOP, _FOOT = 14.0, 92.0
_LINES = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """How many, in words, and where the bar leads. `tick`: what stands below it; `strong` where a day begins."""

    count: int
    words: str
    href: str
    tick: str = ""
    strong: bool = False
    chosen: bool = False


def histogram_plot(bars: Sequence[Bar], label: str) -> Markup:
    """All as wide as each other."""
    most = max((bar.count for bar in bars), default=0)
    if not most:
        return Markup("")
    top, parts = _round_up(most), list[Markup]()
    for line in range(1, _LINES + 1):
        value = top * line / _LINES
        y = svg.pixels(_FOOT - (_FOOT - _TOP) * line / _LINES)
        parts.append(svg.element("line", class_="axl", x1="0", x2="100%", y1=y, y2=y))
        if value == int(value):
            words = f"{int(value):,}"
            parts.append(svg.scale(words, float(y)))
    foot = svg.pixels(_FOOT)
    parts.append(svg.element("line", class_="axl base", x1="0", x2="100%", y1=foot, y2=foot))
    width = 1 / len(bars)
    for index, bar in enumerate(bars):
        x = index * width
        if bar.count:
            y = min(_FOOT - 1.5, _FOOT - (_FOOT - _TOP) * bar.count / top)
            rect = svg.element(
                "rect",
                class_="b chosen" if bar.chosen else "b load",
                x=svg.percent(x + width * 0.12),
                y=svg.pixels(y),
                width=svg.percent(width * 0.76),
                height=svg.pixels(_FOOT - y),
                rx="1",
            )
            parts.append(svg.element("a", svg.titled(bar.words), rect, href=bar.href, aria_label=bar.words))
        if bar.tick:
            classes = "axt strong" if bar.strong else f"axt{' odd' if index % 24 else ''}"
            parts.append(svg.text(bar.tick, class_=classes, x=svg.percent(x + width / 2), y="107"))
    return svg.element("svg", *parts, class_="plot low", role="group", aria_label=label)


def _round_up(most: int) -> int:
    """A number that reads well, also when it is divided by the number of lines."""
    size = 1
    while True:
        for step in (3, 6, 9, 12, 15, 30):
            if step * size >= most:
                return step * size
        size *= 10
