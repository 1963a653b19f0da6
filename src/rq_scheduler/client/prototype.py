"""Jobs of one `enqueue_many` that differ only in their arguments: RQ builds the first, and the others are like it.

Owns when that holds. What of a job follows from its arguments, `rq_format` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any, cast
from uuid import uuid4

from rq.job import Job

from rq_scheduler.store import NewEntry
from rq_scheduler.store.rq_format import call_fields

__all__ = ["Prototypes"]

MAX_PROTOTYPES = 1_000
"""Functions of one call whose first job is remembered."""

_BY_NAME = (FunctionType, str)
"""What travels by its name alone: a method takes its object along."""


class Prototypes:
    """The jobs of one call, all with the same options. `described`: they were given a description of their own."""

    def __init__(self, *, described: bool) -> None:
        self._described = described
        self._first: dict[Any, tuple[Job, Mapping[str, Any]]] = {}

    def learn(self, func: Any, job: Job, entry: NewEntry) -> None:
        """Takes a job that RQ has built, for others of its function to be like it."""
        if type(job) is Job and type(func) in _BY_NAME and len(self._first) < MAX_PROTOTYPES:
            self._first[func] = job, entry.fields

    def entry(self, func: Any, args: Any, kwargs: Any, due: int) -> NewEntry | None:
        """The entry of another job of that function; None where RQ has to build it, or to say what is wrong."""
        first = self._first.get(func) if type(func) in _BY_NAME else None
        args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
        if first is None or type(args) not in (tuple, list) or type(kwargs) is not dict:
            return None
        job, fields = first
        named = cast("dict[Any, Any]", kwargs)
        if not all(type(name) is str for name in named):
            return None
        try:
            own = call_fields(job, args, named)
        except Exception:  # noqa: BLE001  arguments may raise anything: RQ is to say what is wrong with them
            return None
        if self._described:
            del own["description"]
        elif not own["description"].isascii():
            return None
        id = str(uuid4())
        return NewEntry(id, job.key_for(id), due, {**fields, **own})
