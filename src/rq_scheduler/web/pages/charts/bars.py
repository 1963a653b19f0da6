"""Small charts of a row: the last twenty outcomes, and lateness minute by minute."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from rq_scheduler.web.pages.charts import svg

__all__ = ["outcome_bars", "spark"]

_WIDTH, _STEP = 4, 6
_TALL, _LOW, _HOLLOW = 15, 7, 9
_FOOT = 18
_KINDS = {".": "ok", "f": "failed", "l": "failed", "k": "skipped", "m": "missed", "e": "missed", "d": "missed"}
SHOWN = 20


def outcome_bars(letters: str, label: str) -> Markup:
    """`letters` as in `StoredSchedule.last_outcomes`, the newest on the right. Height tells, too: ok is low, failed
    tall, what did not run is hollow."""
    parts: list[Markup] = []
    for index in range(SHOWN):
        letter = letters[index - SHOWN :][:1] if SHOWN - index <= len(letters) else ""
        kind = _KINDS.get(letter, "skipped") if letter else "none"
        height = {"ok": _LOW, "failed": _TALL, "none": 1}.get(kind, _HOLLOW)
        hollow = kind in ("skipped", "missed")
        x, width, y = index * _STEP + hollow / 2, _WIDTH - hollow, _FOOT - height
        parts.append(
            svg.element(
                "rect", class_=f"b {kind}", x=f"{x:g}", y=str(y), width=f"{width:g}", height=str(height), rx="1"
            )
        )
    return svg.element("svg", *parts, class_="bars", role="img", aria_label=label)


def spark(values: Sequence[Sequence[float | None]], classes: Sequence[str], label: str) -> Markup:
    """Lines over each other, on one scale: of each, a value for each place from left to right, None for no value. On a
    scale of powers of two, since a second is no thousand times worse than a millisecond."""
    width, height = 118, 28
    known = [value for line in values for value in line if value is not None]
    most = max((_log(value) for value in known), default=1.0) or 1.0
    parts: list[Markup] = []
    for line, name in zip(values, classes, strict=True):
        path, pen_up = "", True
        for index, value in enumerate(line):
            if value is None:
                pen_up = True
                continue
            x = width * index / max(1, len(line) - 1)
            y = height - 3 - (height - 6) * _log(value) / most
            path += f"{'M' if pen_up else 'L'}{x:.1f} {y:.1f}"
            if pen_up:
                path += "h1"  # one value alone is seen, too
            pen_up = False
        parts.append(svg.element("path", class_=name, d=path or None))
    box = f"0 0 {width} {height}"
    return svg.element(
        "svg", *parts, class_="spark", viewBox=box, preserveAspectRatio="none", role="img", aria_label=label
    )


def _log(milliseconds: float) -> float:
    return float(max(1, round(milliseconds) + 1).bit_length())
