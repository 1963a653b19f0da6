"""SVG as text: every attribute and every text is escaped here, and nowhere else."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from rq_scheduler.sanitize import plain

__all__ = ["element", "percent", "pixels", "scale", "text", "titled", "use"]

_AS_IT_IS: Final = re.compile(r"[\w .:;,/%#()=+?-]*", re.ASCII)
"""What means nothing to a reader of SVG: nearly all that charts are made of."""


def element(name: str, *inside: Markup, **attributes: str | None) -> Markup:
    """`<name ...>inside</name>`. Of the attributes, `class_` is `class`, `_` is `-`, and None leaves one out."""
    given = "".join([_attribute(key, value) for key, value in attributes.items() if value is not None])
    return _markup(f"<{name}{given}>{''.join(inside)}</{name}>")


def text(words: str, **attributes: str | None) -> Markup:
    """A `<text>`."""
    return element("text", _markup(_escaped(words)), **attributes)


def scale(words: str, y: float) -> Markup:
    """What a line of a plot means: beside the plot, in the margin that its style leaves."""
    return text(words, class_="axt end", x="-6", y=pixels(y + 4))


def titled(words: str) -> Markup:
    """A `<title>`: what a mark says when it is pointed at, and to a screen reader."""
    return _markup(f"<title>{_escaped(words)}</title>")


def use(symbol: str, x: str, y: str, class_: str | None = None) -> Markup:
    """A mark of the page's set."""
    return element("use", href=f"#{symbol}", class_=class_, x=x, y=y)


def percent(share: float) -> str:
    """`12.5%`."""
    return f"{share * 100:.2f}%"


def pixels(y: float) -> str:
    """`12.5`."""
    return f"{y:.1f}"


# A page has thousands, and hardly one that there is but once.
@lru_cache(4096)
def _attribute(key: str, value: str) -> str:
    return f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'


def _escaped(value: str) -> str:
    """Hardly any of them needs it."""
    return value if _AS_IT_IS.fullmatch(value) else escape(plain(value))


def _markup(escaped: str) -> Markup:
    """The same text, which is not asked what it is: `Markup()` does that, thousands of times a page."""
    return str.__new__(Markup, escaped)
