"""What another definition changes of a stored one, as texts: for the audit, and for people who want to see it before.

Pure. Loads no arguments: of those it compares the call as text, and the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from rq_scheduler.client.schedules.definition import as_stored
from rq_scheduler.client.schedules.fields import spec_of
from rq_scheduler.model import Spec
from rq_scheduler.store.audit import Changes
from rq_scheduler.store.schedules import JobFields, Stored

__all__ = ["differences"]

MAX_LENGTH = 200
"""Characters of a text."""

_NAMES = {
    b"origin": "queue_name",
    b"timeout": "job_timeout",
    b"enqueue_at_front": "at_front",
    b"retries_left": "retry",
    b"retry_intervals": "retry_intervals",
    b"success_callback_name": "on_success",
    b"failure_callback_name": "on_failure",
    b"stopped_callback_name": "on_stopped",
    b"dependency_ids": "depends_on",
    b"rate_limit_key": "rate_limit",
}
"""Fields of RQ's job hash that have another name as an option of a schedule."""

_NOT_SHOWN = frozenset({"created_at", "status", "data", "dependency_id"})
"""Fields of it that say nothing by themselves, or what `func` and `call` say too."""

_PICKLED = frozenset({"meta", "webhooks"})


def differences(stored: Stored, spec: Spec, job: JobFields, owner: str, tags: Sequence[str]) -> Changes:
    """By the name of each option that another definition changes: the old text and the new one, cut to 200 characters;
    empty for what is not set. Both are empty for what is no text: `meta`, `webhooks`, and `args` of which the call,
    as it is shown, says no difference."""
    old_spec, fields = spec_of(stored), as_stored(job.fields)
    changed: dict[str, tuple[str, str]] = {}
    for name in Spec.__struct_fields__:
        old, new = getattr(old_spec, name, None), getattr(spec, name)
        if old != new:
            changed[name] = _text(old), _text(new)
    olds = _of_job(stored.template) | {name: stored.text(name) for name in ("func", "call", "owner")}
    news = _of_job(fields) | {"func": job.func, "call": job.call, "owner": owner}
    olds["tags"], news["tags"] = stored.text("tags").replace("\n", ", "), ", ".join(tags)
    for name in news | olds:
        old, new = olds.get(name, ""), news.get(name, "")
        if old != new:
            changed[name] = ("", "") if name in _PICKLED else (_cut(old), _cut(new))
    if "call" in changed:
        changed.pop("description", None)  # which RQ makes of the call
    elif stored.template.get(b"data") != fields.get(b"data"):
        changed["args"] = "", ""
    return changed


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return _cut(", ".join(map(str, cast("tuple[Any, ...]", value))))
    return _cut(str(value))


def _of_job(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for field, value in fields.items():
        name = _NAMES.get(field) or field.decode(errors="replace")
        if value and name not in _NOT_SHOWN:
            texts[name] = value.decode(errors="replace")
    return texts


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"
