"""One lane: what a schedule did and will do, on the time axis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from rq_scheduler.web.pages.charts import svg
from rq_scheduler.web.pages.charts.axis import Axis
from rq_scheduler.web.pages.charts.marks import EXPLAINED, Mark

__all__ = ["HEIGHT", "caption_strip", "lane_strip"]

HEIGHT, CAPTION = 30, 26
MIDDLE = str(HEIGHT // 2)
_BAR_Y, _BAR = "11", "8"
_LATE_FROM = 10.0
"""Seconds: of what is later, the line from due to hand-off is drawn."""
_CROWDED = 60
"""Coming instants that are still circles; more are one line of dashes."""


def caption_strip(axis: Axis) -> Markup:
    """The ground behind a caption between lanes."""
    return svg.element("svg", axis.ground(CAPTION), axis.now_line(CAPTION), class_="strip cap", aria_hidden="true")


def lane_strip(
    axis: Axis,
    label: str,
    marks: Sequence[Mark],
    coming: Sequence[tuple[datetime, str]] = (),
    changes: Sequence[tuple[datetime, str, str]] = (),
    paused_since: datetime | None = None,
) -> Markup:
    """marks: oldest first. coming: instants, and their words. changes: of the definition: when, words, where to."""
    parts = [axis.ground(HEIGHT)]
    if paused_since is not None:
        x1 = axis.x(max(paused_since, axis.since))
        parts.append(svg.element("line", class_="pz", x1=x1, x2="100%", y1=MIDDLE, y2=MIDDLE))
        if axis.holds(paused_since):
            parts.append(svg.use("g-paused", axis.x(paused_since), MIDDLE, "paused"))
    shown = [mark for mark in marks if mark.ends >= axis.since and mark.due <= axis.until]
    # A run that goes on lies over the stretch that it holds up.
    parts += [_mark(axis, mark) for mark in sorted(shown, key=lambda mark: mark.kind == "running")]
    for at, words, href in changes:
        if axis.holds(at):
            inside = (svg.titled(words), svg.use("m-chg", axis.x(at), "5"))
            parts.append(svg.element("a", *inside, href=href, aria_label=words))
    parts += _coming(axis, [(at, words) for at, words in coming if axis.now <= at <= axis.until])
    parts.append(axis.now_line(HEIGHT))
    return svg.element("svg", *parts, class_="strip", role="group", aria_label=label)


def _mark(axis: Axis, mark: Mark) -> Markup:
    inside = [svg.titled(mark.words), *_shape(axis, mark)]
    if mark.kind in EXPLAINED and mark.href:
        return svg.element("a", *inside, href=mark.href, class_=mark.kind, aria_label=mark.words)
    return svg.element("g", *inside, class_=mark.kind)


def _shape(axis: Axis, mark: Mark) -> list[Markup]:
    begins, ends = axis.share(mark.begins), axis.share(mark.ends)
    x, share = svg.percent(begins), ends - begins
    width = svg.percent(share) if share > 0.003 else "3"  # three pixels, or what it took
    if mark.kind in ("skipped", "missed"):
        middle = svg.percent((begins + ends) / 2)
        stretch = []
        if share > 0.01:
            stretch = [svg.element("rect", class_="r missed", x=x, y="10", width=width, height="10", rx="1.5")]
        return [*stretch, svg.use(f"g-{mark.kind}", middle, MIDDLE)]
    if mark.kind == "waiting":
        return [svg.element("rect", class_="r waiting", x=x, y="10", width=width, height="10", rx="1.5")]
    tail: list[Markup] = []
    if mark.late is not None and mark.late >= _LATE_FROM and axis.holds(mark.due):
        due = axis.x(mark.due)
        tail = [
            svg.element("line", class_="tail", x1=due, x2=x, y1=MIDDLE, y2=MIDDLE),
            svg.element("line", class_="tick", x1=due, x2=due, y1="10", y2="20"),
        ]
    if mark.kind == "failed":
        bar = svg.element("rect", class_="r failed", x=x, y="8", width=width, height="14", rx="1.5")
        return [*tail, bar, svg.use("m-failed", x, MIDDLE, "failed")]
    return [*tail, svg.element("rect", class_=f"r {mark.kind}", x=x, y=_BAR_Y, width=width, height=_BAR, rx="1.5")]


def _coming(axis: Axis, coming: Sequence[tuple[datetime, str]]) -> list[Markup]:
    if len(coming) > _CROWDED:
        words = f"{coming[0][1]}, and more than {_CROWDED} times after that"
        line = svg.element("line", class_="dense", x1=axis.x(coming[0][0]), x2="100%", y1=MIDDLE, y2=MIDDLE)
        return [svg.element("g", svg.titled(words), line)]
    return [
        svg.element("g", svg.titled(words), svg.element("circle", class_="up", cx=axis.x(at), cy=MIDDLE, r="3.5"))
        for at, words in coming
    ]
