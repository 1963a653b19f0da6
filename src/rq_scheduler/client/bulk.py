"""`enqueue_many`: reading its items, and cutting what they become into chunks that Redis takes in one go.

Owns the forms an item may have, the bounds of a chunk, and how an error names its item. Builds no job, writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from rq.queue import EnqueueData

from rq_scheduler.errors import InvalidArgument, InvalidType, SchedulerError, kind_of
from rq_scheduler.store import NewEntry

__all__ = ["MAX_BYTES", "MAX_ENTRIES", "BulkItem", "chunks", "read_item"]

MAX_ENTRIES = 250
"""Entries in one chunk: what a script saves in about five milliseconds, and a twentieth of a second's work here."""
MAX_BYTES = 1_000_000
"""Bytes of job data in one chunk, so that large arguments make smaller ones. A larger single job goes alone."""

# Field of EnqueueData -> keyword of Scheduler._create_job; at_front is set on the job itself.
_DATA_OPTIONS = {
    "timeout": "timeout",
    "result_ttl": "result_ttl",
    "ttl": "ttl",
    "failure_ttl": "failure_ttl",
    "description": "description",
    "depends_on": "depends_on",
    "job_id": "id",
    "meta": "meta",
    "retry": "retry",
    "on_success": "on_success",
    "on_failure": "on_failure",
    "on_stopped": "on_stopped",
    "repeat": "repeat",
    "webhooks": "webhooks",
}


@dataclass(frozen=True, slots=True)
class BulkItem:
    """One item of `enqueue_many`. `options` are keywords of `_create_job` that this item has of its own."""

    when: datetime | timedelta
    func: Any
    args: Any = None
    kwargs: Any = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    at_front: bool = False


def read_item(item: Any) -> BulkItem:
    """An item from any of its forms. Raises InvalidType for anything else."""
    if not isinstance(item, list | tuple) or isinstance(item, EnqueueData):
        raise _no_item(item)
    parts: tuple[Any, ...] = tuple(cast("Any", item))
    if not 2 <= len(parts) <= 4 or not isinstance(parts[0], datetime | timedelta):
        raise _no_item(item)
    when, what = parts[0], parts[1]
    if not isinstance(what, EnqueueData):
        return BulkItem(when, what, *parts[2:])
    if len(parts) > 2:
        raise InvalidType(
            "arguments stand beside Queue.prepare_data(...), which has its own: give (when, prepare_data(...))"
        )
    data: Any = what
    options = {
        target: value for name, target in _DATA_OPTIONS.items() if (value := getattr(data, name, None)) is not None
    }
    return BulkItem(when, data.func, data.args, data.kwargs, options, bool(data.at_front))


def chunks(items: Iterable[Any], build: Callable[[Any], NewEntry]) -> Iterator[list[NewEntry]]:
    """Entries in bounded chunks, each complete and valid before it is given out.

    An error of ours from `build` is raised again as the same class, naming the item's index and what is saved already.
    """
    if not isinstance(items, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(
            f"items={items!r} is {kind_of(items)}: give a list or a generator of items such as (when, func)"
        )
    chunk: list[NewEntry] = []
    ids: set[str] = set()
    size = saved = 0
    for index, item in enumerate(items):
        try:
            entry = build(item)
            if entry.id in ids:
                raise InvalidArgument(f"job id {entry.id!r} is given twice: each job needs its own")
        except SchedulerError as error:
            before = f"the {saved} items before item {saved} are saved, no other is" if saved else "nothing is saved"
            raise type(error)(f"item {index} of enqueue_many: {error} ({before})") from error
        weight = _weight(entry)
        if chunk and (len(chunk) == MAX_ENTRIES or size + weight > MAX_BYTES):
            yield chunk
            saved += len(chunk)
            chunk, ids, size = [], set[str](), 0
        chunk.append(entry)
        ids.add(entry.id)
        size += weight
    if chunk:
        yield chunk


def _weight(entry: NewEntry) -> int:
    """Bytes of what may be large: arguments, meta and the text that tells of them."""
    fields = entry.fields
    return len(fields.get("data", "")) + len(fields.get("meta", "")) + len(fields.get("description", ""))


def _no_item(item: Any) -> InvalidType:
    return InvalidType(
        f"{item!r} is not an item: give (when, func), (when, func, args), (when, func, args, kwargs) or "
        "(when, Queue.prepare_data(...)), with a datetime or a timedelta for when"
    )
