"""What a run looks like: its shape, its height, and whether it is a link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["EXPLAINED", "GLYPHS", "Mark"]

EXPLAINED = frozenset({"failed", "skipped", "missed", "waiting", "late"})
"""Marks of these kinds are links: only what needs explaining is a tab stop."""

GLYPHS = frozenset(
    {"ok", "late", "failed", "skipped", "missed", "paused", "running", "waiting", "excluded", "finished"}
)
"""The kinds that have a glyph in the page's set."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A run, or a stretch of those that did not come about. kind: one of GLYPHS. begins, ends: of the run; due: when it
    should have begun. words: all of it, in a line; href: where it is explained. took, late: seconds, where known."""

    kind: str
    due: datetime
    begins: datetime
    ends: datetime
    words: str
    href: str = ""
    took: float | None = None
    late: float | None = None
