"""The exception of a job as RQ keeps it: its text, and that in one line: its last line, where it was raised, and
whether it was the function's at all. Pure, and meant for text of any size and kind."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from dataclasses import dataclass

LONGEST_MESSAGE, LONGEST_PLACE, LONGEST_PATH, LONGEST_LINE = 300, 80, 1000, 10
"""Characters."""

LARGEST = 1024 * 1024
"""Bytes of the text that are looked at."""

WORKER_DIED, TIMED_OUT = "worker-died", "timed-out"

_FRAME = re.compile(r'^  File "(?P<path>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)
_RQ_SAYS = ("Work-horse terminated unexpectedly", "Moved to FailedJobRegistry, due to AbandonedJobError")
_LIBRARY = re.compile(r".*/(?:site|dist)-packages/|.*/lib/python3\.\d+/")


@dataclass(frozen=True, slots=True)
class Failure:
    """`cause` is a word where RQ says that it was no exception of the function; `place` is "module:line"."""

    cause: str = ""
    place: str = ""
    message: str = ""


def failure_of(exception: bytes) -> Failure:
    """From an exception as RQ keeps it, zlib in base64, perhaps cut off; nothing where it cannot be read."""
    text = text_of(exception)
    return Failure() if text is None else read_failure(text)


def text_of(exception: bytes) -> str | None:
    """The text of such an exception, the first `LARGEST` bytes of it; None where it cannot be read."""
    whole = len(exception) // 4 * 4
    try:
        packed = b64decode(exception[:whole])
        return zlib.decompressobj().decompress(packed, LARGEST).decode("utf-8", "replace")
    except (ValueError, zlib.error):
        return None


def read_failure(text: str) -> Failure:
    """From the text of a traceback, or what RQ writes instead of one."""
    frames = list(_FRAME.finditer(text))
    message = _one_line(_last_exception(text[frames[-1].end() :] if frames else text))
    if any(text.startswith(said) for said in _RQ_SAYS):
        return Failure(WORKER_DIED, "", message)
    place = _place(frames[-1]["path"], frames[-1]["line"]) if frames else ""
    cause = TIMED_OUT if message.startswith("rq.timeouts.JobTimeoutException") else ""
    return Failure(cause, place, message)


def _last_exception(text: str) -> str:
    """The first line behind the last frame that is not indented: a message may go on for lines."""
    lines = text.split("\n")
    return next((line for line in lines if line.strip() and not line.startswith((" ", ","))), lines[0])


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text.strip()[:LONGEST_MESSAGE]).strip()


def _place(path: str, line: str) -> str:
    path = path[-LONGEST_PATH:]
    library = _LIBRARY.match(path)
    module = path[library.end() if library else 0 :].removesuffix(".py").removesuffix("/__init__")
    names = [name for name in module.split("/") if name.isidentifier()]
    # Where a package begins cannot be told from a path: two names say enough.
    dotted = ".".join(names if library else names[-2:]) or "?"
    return f"{dotted[-LONGEST_PLACE:]}:{line[-LONGEST_LINE:]}"
