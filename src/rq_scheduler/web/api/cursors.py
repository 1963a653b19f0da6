"""Cursors: where a page ended, as text that says nothing to people, and that nobody but us makes."""

from __future__ import annotations

import base64
import binascii

from rq_scheduler.web.problems import Refused

__all__ = ["cursor_of", "read_cursor"]


def cursor_of(*parts: str) -> str:
    """The cursor that stands for these."""
    return base64.urlsafe_b64encode("\0".join(parts).encode(errors="surrogateescape")).decode().rstrip("=")


def read_cursor(given: str, count: int) -> list[str]:
    """The `count` parts that a cursor stands for. Raises Refused for what is none."""
    try:
        padded = given.encode("ascii") + b"=" * (-len(given) % 4)
        parts = base64.b64decode(padded, b"-_", validate=True).decode(errors="surrogateescape").split("\0")
    except (UnicodeError, binascii.Error):
        parts = []
    if len(parts) != count:
        raise Refused(400, "bad-cursor", "cursor is none of this list: give `next` of the page before, or leave it out")
    return parts
