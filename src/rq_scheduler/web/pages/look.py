"""How a value becomes a page: Jinja with every text escaped, every name known, and nothing in it that could steer what
reads it (direction marks, zero-width characters) but as its number.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any, cast
from urllib.parse import quote, unquote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rq_scheduler.client.schedules.explain.times import capital
from rq_scheduler.clock import in_zone
from rq_scheduler.humanize import NONE, counted, distance, length
from rq_scheduler.sanitize import plain
from rq_scheduler.views.serializers import iso

__all__ = ["MEDIA_TYPES", "prepare", "render", "sealed", "static", "unsealed", "version"]

MEDIA_TYPES = {"dashboard.css": "text/css; charset=utf-8", "dashboard.js": "text/javascript; charset=utf-8"}
"""The files beside the pages."""

_LONGEST = 300
"""Characters of a text on a page, unless more are asked for."""


def render(template: str, /, **values: Any) -> str:
    """The page."""
    return _environment().get_template(template).render(**values)


@cache
def prepare() -> None:
    """Reads and compiles all that pages are made of, once, so that the first ones need not wait for it."""
    for name in _environment().list_templates():
        _environment().get_template(name)
    for name in MEDIA_TYPES:
        version(name)


@cache
def static(name: str) -> bytes:
    """A file beside the pages."""
    return files("rq_scheduler.web.pages").joinpath("static", name).read_bytes()


@cache
def version(name: str) -> str:
    """What its address ends in, so that browsers may keep it: another for other content."""
    return hashlib.sha256(static(name)).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rq_scheduler.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
        auto_reload=False,
    )
    filters: dict[str, Any] = cast("Any", environment).filters
    filters |= {"at": _at, "capital": capital, "clock": _clock, "cut": cut, "distance": distance, "iso": iso}
    filters |= {"as_is": as_is, "sealed": sealed}
    filters |= {"about": _about, "lasts": length, "n": _number, "sentence": _sentence}
    names: dict[str, Any] = cast("Any", environment).globals
    names |= {"NONE": NONE, "counted": counted, "version": version}
    return environment


def cut(text: str, most: int = _LONGEST) -> str:
    """A text that leaves room for others."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def as_is(text: str) -> Markup:
    """A text that a form gives back, whole: nothing of it is cut, nor made plain for showing."""
    return escape(text)


def sealed(id: str) -> str:
    """An id as the value of a field, which any text survives: browsers send line ends their own way, and only UTF-8."""
    return quote(id, safe="", errors="surrogateescape")


def unsealed(value: str) -> str:
    """The id."""
    return unquote(value, errors="surrogateescape")


def _plain(value: Any) -> Any:
    """What is printed, on its way: markup of our own stays, a text may be anybody's."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return plain(cut(value, 2_000))


def _at(at: datetime | None, zone: tzinfo = UTC) -> str:
    """All of a moment, for `title`: with day, seconds and offset."""
    return NONE if at is None else in_zone(at, zone).replace(microsecond=0).strftime("%a %d %b %Y %H:%M:%S %z")


def _clock(at: datetime, zone: tzinfo) -> str:
    return in_zone(at, zone).strftime("%a %-d %b %H:%M:%S")


def _about(delta: timedelta) -> str:
    """A length of time of which only the size matters."""
    return length(delta, coarse=delta >= timedelta(seconds=10))


def _sentence(text: str) -> str:
    """With a capital, unless it begins with a name."""
    first = text.partition(" ")[0]
    return text if "=" in first or "'" in first or "." in first else capital(text)


def _number(value: int) -> str:
    return f"{value:,}"
