"""Keeps secrets out of what this process says: errors, log lines, tracebacks. The last line of it: `addresses` shows no
part of what it refuses, but an error of redis-py, or of a module in between, may name what it was given."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from urllib.parse import quote

__all__ = ["install_excepthook", "redact", "redacted", "without_urls"]

MASK = "***"
MIN_SECRET_LENGTH = 4
"""Characters of a secret that is looked for; what is shorter is found in any text."""

_forms: set[str] = set()


def redact(*secrets: str | None) -> None:
    """Hide these from now on, in every form in which they may be written."""
    for secret in secrets:
        if secret and len(secret) >= MIN_SECRET_LENGTH:
            _forms.update((secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe="")))


def redacted(text: str) -> str:
    """The text without the secrets."""
    for form in sorted(_forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def without_urls(text: str, given: Sequence[str]) -> str:
    """An error about what was typed, without the addresses that were: typed in a wrong place, they were not read."""
    for one in sorted((one for one in given if "://" in one or "@" in one), key=len, reverse=True):
        scheme = re.match(r"-*[\w-]*=?\w*://", one)
        shown = f"{scheme[0] if scheme else ''}{MASK}"
        text = text.replace(one, shown).replace(repr(one)[1:-1], shown)
    return redacted(text)


def install_excepthook() -> None:
    """Have tracebacks that end this process printed without the secrets."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = hook
