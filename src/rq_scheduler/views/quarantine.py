"""What is in quarantine, by reason: what that means, and what mends it. Owns these words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rq_scheduler.humanize import counted

__all__ = ["GroupWords", "group_words", "verdict"]


@dataclass(frozen=True, slots=True)
class GroupWords:
    """code: for programs. title: what is wrong with these; mend: what helps."""

    code: str
    title: str
    mend: str


_WORDS: Final = {
    "job_gone": ("The job is gone", "It cannot be brought back: purge the entry, and schedule it anew."),
    "job_damaged": ("The job cannot be read", "See what wrote it; retry once that is mended, or purge it."),
    "id_refused": ("The id is none", "Purge it, and schedule it under an id of letters, digits, _ and -."),
    "id_taken": ("Something newer has the id", "Let that end, then retry; or purge it."),
    "queue_unnamed": ("No queue is named", "Purge it, and schedule it with a queue."),
    "template_gone": ("The job template is gone", "Put the schedule again, then resume it."),
    "wrong_type": ("A key holds something else", "Move that key away (RENAME), then retry."),
    "unplannable": ("The next run cannot be worked out", "Change the trigger, then retry."),
    "unreadable": ("The record cannot be read", "If a newer version wrote it, update this one, then retry."),
    "not_adopted": ("It could not be taken over from rq-scheduler 0.14", "Mend what the reason says, then retry."),
}


def group_words(code: str) -> GroupWords:
    """Of entries of one code."""
    title, mend = _WORDS.get(code, ("Something else is wrong", "Mend what the reason says, then retry."))
    return GroupWords(code, title, mend)


def verdict(total: int, groups: int) -> str:
    """The page's sentence."""
    if not total:
        return "Nothing is in quarantine"
    entries = counted(total, "entry is", "entries are")
    return f"{entries} in quarantine, for {counted(groups, 'reason', 'reasons')}"
