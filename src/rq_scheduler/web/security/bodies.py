"""How large a body may be, and how deep its JSON."""

from __future__ import annotations

import re

__all__ = ["is_too_deep"]

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


def is_too_deep(body: bytes, most: int) -> bool:
    """Whether lists and objects stand in each other more than `most` deep. Looked at before anything is decoded."""
    depth = 0
    for match in _TOKENS.finditer(body):
        first = match[0][:1]
        if first in b"[{":
            depth += 1
            if depth > most:
                return True
        elif first != b'"':
            depth -= 1
    return False
