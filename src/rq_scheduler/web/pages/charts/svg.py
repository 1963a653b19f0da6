"""SVG as text: every attribute and every text is escaped here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from rq_scheduler.sanitize import plain

__all__ = ["element", "percent", "pixels", "text", "titled", "use"]


def element(name: str, *inside: Markup, **attributes: str | None) -> Markup:
    """`<name ...>inside</name>`. Of the attributes, `class_` is `class`, `_` is `-`, and None leaves one out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{_joined(inside)}</{name}>")  # noqa: S704  escaped above


def text(words: str, **attributes: str | None) -> Markup:
    """A `<text>`."""
    return element("text", escape(plain(words)), **attributes)


def titled(words: str) -> Markup:
    """A `<title>`: what a mark says when it is pointed at, and to a screen reader."""
    return element("title", escape(plain(words)))


def use(symbol: str, x: str, y: str, class_: str | None = None) -> Markup:
    """A mark of the page's set."""
    return element("use", href=f"#{symbol}", class_=class_, x=x, y=y)


def percent(share: float) -> str:
    """`12.5%`."""
    return f"{share * 100:.2f}%"


def pixels(y: float) -> str:
    """`12.5`."""
    return f"{y:.1f}"


def _joined(parts: Iterable[Markup]) -> str:
    return "".join(parts)
