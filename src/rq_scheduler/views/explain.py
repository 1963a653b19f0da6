"""An explanation as JSON, and as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from rq_scheduler.client.schedules.explain import Explanation, Fact
from rq_scheduler.humanize import moment
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Paragraph, Part, Typed, as_it_is

__all__ = ["known_words", "render", "serialize"]

_MARKS = {
    True: ("+", "green", "in order"),
    False: ("x", "red", "against it"),
    None: ("?", "yellow", "open or not known"),
}
"""By whether a fact holds: its mark, the color of it, and what it stands for."""


def serialize(found: Explanation) -> dict[str, Any]:
    """The JSON. `holds` of a fact is null where that is open, or not known."""
    return {
        "id": found.id,
        "at": iso(found.at),
        "timezone": found.timezone,
        "cause": found.cause,
        "sentence": found.sentence,
        "otherwise": found.otherwise,
        "facts": [
            {
                "step": fact.step,
                "what": fact.what,
                "holds": fact.holds,
                "at": iso(fact.at),
                "who": fact.who,
                "standing": fact.standing,
            }
            for fact in found.facts
        ],
        "remedies": [{"what": one.what, "command": one.command, "call": one.call} for one in found.remedies],
    }


def render(found: Explanation, zone: tzinfo, typed: Typed = as_it_is) -> Iterator[Part]:
    """The sentence, the facts behind it, and what to do. Moments of the facts are shown in `zone`: for one clock on the
    screen, that of the sentence."""
    yield Paragraph(found.sentence, "bold")
    if found.otherwise:
        yield Paragraph(found.otherwise)
    yield ""
    for fact in found.facts:
        mark, style, _ = _MARKS[fact.holds]
        style = "" if fact.holds is True else style
        yield Paragraph(f"  {mark} {fact.what}{_source(fact, zone)}", style, hanging=4)
    shown = {fact.holds for fact in found.facts}
    legend = ", ".join(f"{mark} {words}" for holds, (mark, _, words) in _MARKS.items() if holds in shown)
    if legend:
        yield ""
        yield f"{legend}.", "dim"
    for remedy in found.remedies:
        yield ""
        yield f"{remedy.what}:" if remedy.command or remedy.call else f"{remedy.what}."
        if remedy.command:
            yield f"    {typed(remedy.command)}"
        elif remedy.call:
            yield f"    {remedy.call}"


def known_words(fact: Fact) -> str:
    """How it is known, where nobody wrote it down."""
    return {"recorded": "", "recomputed": "worked out now, not recorded", "unknown": "not recorded"}[fact.standing]


def _source(fact: Fact, zone: tzinfo) -> str:
    """When, by whom and how it is known, as far as that says something."""
    parts = [_moment(fact.at, zone), f"by {fact.who}" if fact.who else "", known_words(fact)]
    said = ", ".join(filter(None, parts))
    return f" [{said}]" if said else ""


def _moment(at: datetime | None, zone: tzinfo) -> str:
    return "" if at is None else moment(whole_second(at), zone)
