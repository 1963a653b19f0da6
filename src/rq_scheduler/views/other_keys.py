"""Entries that lie under other keys, in words: a subclass of 0.14's Scheduler may have named its index otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rq_scheduler.humanize import counted

__all__ = ["attention", "scope"]


def attention(elsewhere: dict[str, Any], index: str) -> Iterator[str]:
    """What to decide about each index that was found beside `index`, which the dispatchers serve."""
    for other in elsewhere["indexes"]:
        key, count = other["key"], other["entries"]
        yield (
            f"{counted(count, 'entry lies', 'entries lie')} under {key}, which no dispatcher of ours serves (a "
            "subclass of 0.14's Scheduler may have named its index so; of ours, none may). If they are another "
            "deployment's, give that a database of its own, or, from RQ 3 on, RQ_KEY_PREFIX; to have them "
            "served here, stop what writes there, and: "
            f"redis-cli ZUNIONSTORE {index} 2 {index} {key} AGGREGATE MIN, then redis-cli DEL {key}"
        )


def scope(elsewhere: dict[str, Any]) -> str:
    """How far was looked for such keys."""
    keys, walked = elsewhere["keys"], elsewhere["walked"]
    if not walked and not elsewhere["whole"]:
        return "Other keys were not looked at: this user may not (SCAN), or this is a Redis Cluster."
    how_far = f"all {keys:,} keys" if elsewhere["whole"] else f"the first {walked:,} of {keys:,} keys"
    return f"Looked at {how_far} of this database for entries elsewhere."
