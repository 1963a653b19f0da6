"""What became of runs, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.humanize import NONE
from rq_scheduler.views.table import Cell

__all__ = ["last_outcome", "legend", "letter_word", "status_word", "styled"]

_LETTERS: Final = {
    ".": "finished",
    "f": "failed",
    "l": "lost",
    "s": "stopped",
    "c": "canceled",
    "e": "expired",
    "d": "deleted",
    "u": "unknown",
    "k": "skipped",
    "m": "missed",
}
"""Those of `StoredSchedule.last_outcomes`."""

_OPEN: Final = frozenset({"created", "queued", "started", "deferred", "scheduled", "rate_limited", "ready_to_enqueue"})
_BAD, _WARNING, _QUIET = "red", "yellow", "dim"
_STYLES: Final = {
    "failed": _BAD,
    "lost": _BAD,
    **dict.fromkeys(("stopped", "canceled", "expired", "deleted", "skipped", "missed"), _WARNING),
    **dict.fromkeys(("unknown", "not known"), _QUIET),
}


def status_word(status: str) -> str:
    """RQ's status of a job as a person would say it; of one that RQ no longer has, nothing is known by that."""
    return {"started": "running", "expired": "not known"}.get(status, status.replace("_", " "))


def styled(word: str, more: str = "") -> Cell:
    """An outcome, and what else is said of it, in the color of the outcome."""
    return word + more, _STYLES.get(word, "")


def last_outcome(stored: StoredSchedule) -> Cell:
    """How the last run stands or ended, or why there was none, and how many have failed in a row."""
    status, known = stored.last_status, _LETTERS.get(stored.last_outcomes[-1:])
    word = status_word(status) if status in _OPEN or (status and not known) else known or NONE
    failed = stored.failed_in_a_row
    if failed < 2 and (word == "failed" or not failed):
        return styled(word)
    if word == "failed":
        return styled(word, f", {failed:,} in a row")
    return f"{word}; failed {failed:,} in a row", _BAD


def letter_word(letter: str) -> str:
    """What one of the letters among the last outcomes stands for."""
    return _LETTERS.get(letter, "unknown")


def legend(letters: Iterable[str]) -> str:
    """`. finished, f failed`: what the letters among the last outcomes stand for."""
    found = set(letters)
    return ", ".join(f"{letter} {word}" for letter, word in _LETTERS.items() if letter in found)
