"""The history of one schedule: how late its runs were, how long they took, and what did not run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from rq_scheduler.humanize import length
from rq_scheduler.web.pages.charts import svg
from rq_scheduler.web.pages.charts.marks import EXPLAINED, Mark

__all__ = ["Event", "history_plot"]

_LEFT, _RIGHT = 0.01, 0.995
_LATE_TOP, _LATE_FOOT = 12.0, 78.0
_TOOK_TOP, _TOOK_FOOT = 112.0, 186.0
_LATE_TICKS = ((600.0, "10m"), (1.0, "1s"), (0.001, "1 ms"))
"""Lateness on a scale of powers of ten, from a tenth of a millisecond to an hour."""
_LEAST, _MOST = math.log10(0.0001), math.log10(3600.0)
_LABEL_EVERY = 7


@dataclass(frozen=True, slots=True)
class Event:
    """Something between two runs: its place among the marks, what it is, and what is written there."""

    before: int
    kind: str
    words: str


def history_plot(
    marks: Sequence[Mark], labels: Sequence[str], label: str, events: Sequence[Event] = (), limit: float | None = None
) -> Markup:
    """`marks` are oldest first, each as wide as the next: days without a run leave no gap; `labels` say their day.
    `limit`: seconds after which a run is stopped."""
    if not marks:
        return Markup("")
    most = max([mark.took for mark in marks if mark.took is not None] + [0.001])
    top = _round_up(most if limit is None or limit > 4 * most else max(most, limit))
    parts = [*_grid(top, limit)]
    step = (_RIGHT - _LEFT) / max(len(marks), 12)
    for index, mark in enumerate(marks):
        x = _RIGHT - step * (len(marks) - index - 0.5)
        parts.append(_run(mark, x, step, top))
        if (len(marks) - 1 - index) % _LABEL_EVERY == 0:
            odd = " odd" if (len(marks) - 1 - index) % (2 * _LABEL_EVERY) else ""
            end = " end" if index == len(marks) - 1 else ""
            at = svg.percent(1.0 if end else x)
            parts.append(svg.text(labels[index], class_=f"axt{odd}{end}", x=at, y="202"))
    for event in events:
        x = _RIGHT - step * (len(marks) - event.before)
        if event.kind == "change":
            parts.append(svg.element("g", svg.titled(event.words), svg.use("m-chg", svg.percent(x), "94")))
            continue
        at = svg.percent(x)
        line = svg.element("line", class_="dstl", x1=at, x2=at, y1="6", y2=str(int(_TOOK_FOOT)))
        anchor = " start" if x < 0.15 else " end" if x > 0.85 else ""
        parts += [line, svg.text(event.words, class_=f"dstt{anchor}", x=at, y="4")]
    return svg.element("svg", *parts, class_="plot", role="group", aria_label=label)


def _grid(top: float, limit: float | None) -> list[Markup]:
    parts = [svg.text("Lateness", class_="axt start", x="0", y="4")]
    for seconds, words in _LATE_TICKS:
        y = _late_y(seconds)
        parts.append(svg.element("line", class_="axl", x1="0", x2="100%", y1=_px(y), y2=_px(y)))
        parts.append(svg.scale(words, y))
    said = "" if limit is None else f"; limit {length(timedelta(seconds=limit), coarse=True)}"
    parts.append(svg.text(f"Took{said}", class_="axt start", x="0", y="102"))
    for share in (1.0, 0.5):
        y = _TOOK_FOOT - (_TOOK_FOOT - _TOOK_TOP) * share
        seconds = timedelta(seconds=top * share)
        words = length(seconds, coarse=seconds >= timedelta(seconds=10))
        parts.append(svg.element("line", class_="axl", x1="0", x2="100%", y1=_px(y), y2=_px(y)))
        parts.append(svg.scale(words, y))
    foot = _px(_TOOK_FOOT)
    parts.append(svg.element("line", class_="axl base", x1="0", x2="100%", y1=foot, y2=foot))
    if limit is not None and limit <= top:
        y = _px(_took_y(limit, top))
        parts.append(svg.element("line", class_="lim", x1="0", x2="100%", y1=y, y2=y))
    return parts


def _run(mark: Mark, x: float, step: float, top: float) -> Markup:
    at, parts = svg.percent(x), [svg.titled(mark.words)]
    if mark.late is not None:
        y = _px(_late_y(mark.late))
        parts.append(svg.element("line", class_="stem", x1=at, x2=at, y1=_px(_LATE_FOOT), y2=y, opacity=".45"))
        parts.append(svg.element("circle", class_="mf", cx=at, cy=y, r="2.5"))
    if mark.kind in ("skipped", "missed") or (mark.kind == "failed" and mark.took is None):
        parts.append(svg.use(f"g-{mark.kind}", at, "176"))
    elif mark.took is not None:
        y = _took_y(mark.took, top)
        width = min(step * 0.6, 0.02)
        rect = {"x": svg.percent(x - width / 2), "width": svg.percent(width)}
        height = _px(_TOOK_FOOT - y)
        parts.append(svg.element("rect", class_=f"b {mark.kind}", y=_px(y), height=height, rx="1", **rect))
        if mark.kind == "failed":
            parts.append(svg.use("m-failed", at, _px(y - 8), "failed"))
    else:
        parts.append(svg.use(f"g-{mark.kind}", at, "176"))
    if mark.kind in EXPLAINED and mark.href:
        return svg.element("a", *parts, href=mark.href, class_=mark.kind, aria_label=mark.words)
    return svg.element("g", *parts, class_=mark.kind)


def _late_y(seconds: float) -> float:
    share = (math.log10(max(seconds, 0.0001)) - _LEAST) / (_MOST - _LEAST)
    return _LATE_FOOT - (_LATE_FOOT - _LATE_TOP) * min(1.0, share)


def _took_y(seconds: float, top: float) -> float:
    share = min(1.0, seconds / top)
    return min(_TOOK_FOOT - 1.5, _TOOK_FOOT - (_TOOK_FOOT - _TOOK_TOP) * share)


def _round_up(seconds: float) -> float:
    """The next length of time that reads well."""
    steps = [*(x * 10.0**power for power in range(-3, 2) for x in (1, 2, 5)), 60, 120, 300, 600, 1200, 1800, 3600]
    steps += [hours * 3600.0 for hours in (2, 4, 8, 12, 24, 48, 96, 240, 720)]
    return next((step for step in sorted(steps) if step >= seconds), seconds)


def _px(y: float) -> str:
    return svg.pixels(y)
