"""What a job may be that somebody defines by way of the web: on top of what the API itself refuses."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rq_scheduler.web.security.functions import AllowedFunctions

__all__ = ["CALLBACKS", "or_typed", "refusal", "refused_fields"]

CALLBACKS = ("on_success", "on_failure", "on_stopped")

_META = ("queue_class_name", "interval", "cron_string", "repeat", "use_local_timezone")
"""Keys of a job's meta by which RQ, rq-scheduler 0.14 or we do something."""


def refused_fields(given: Mapping[str, Any]) -> str | None:
    """Why what is given of a definition is refused; None where it is not."""
    if given.get("webhooks"):
        return "webhooks have workers send requests, and cannot be set by way of the web: set them in code"
    meta = given.get("meta")
    if isinstance(meta, Mapping):
        for key in _META:
            if key in meta:
                return f"meta: the key {key!r} has a meaning of its own, and cannot be set by way of the web"
    return None


def refusal(
    functions: Iterable[str], queue: str | None, allowed: AllowedFunctions, queues: Collection[str]
) -> str | None:
    """Why a job that calls these functions in this queue (None: the scheduler's own) is refused; None where it is
    not."""
    if (why := allowed.refusal(functions)) is not None:
        return why
    if queue is not None and queue not in queues:
        return (
            f"the queue {queue!r:.200} cannot be used by way of the web: whoever starts this site can allow it "
            "(rqscheduler web --allow-queue NAME)"
        )
    return None


def or_typed(why: str, *command: str) -> str:
    """The refusal, with what to type instead: a terminal has no such list."""
    return f"{why}. From a terminal: {shlex.join(['rqscheduler', *command])}"
