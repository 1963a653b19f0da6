"""Jobs that differ only in their arguments: RQ builds the first, and the others are like it.

Owns when that holds. What of a job follows from its arguments, `rq_format` knows.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from types import FunctionType
from typing import Any, cast

from rq.job import Job

from rq_scheduler.store.rq_format import call_fields

__all__ = ["Prototypes", "goes_by_name"]

MAX_PROTOTYPES = 1_000
"""Jobs that are remembered at a time."""


def goes_by_name(func: Any) -> bool:
    """Whether a function travels by its name alone: a method takes its object along."""
    return type(func) is FunctionType or type(func) is str


class Prototypes:
    """Jobs of functions that go by name, as RQ has built them, each by a key: its function, and what else another one
    has to share with it."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Job, Mapping[str, Any]]] = {}

    def learn(self, key: Hashable, job: Job, fields: Mapping[str, Any]) -> None:
        """Takes a job that RQ has built, and its hash, for others to be like it."""
        if type(job) is Job:
            if len(self._known) >= MAX_PROTOTYPES:
                self._known.clear()
            self._known[key] = job, fields

    def like(
        self, key: Hashable, args: Any, kwargs: Any, *, described: bool = False
    ) -> tuple[Job, dict[str, Any]] | None:
        """The job of that key, and the hash of another one with these arguments, which has the same description if that
        was given (`described`). None where RQ has to build it, or to say what is wrong."""
        known = self._known.get(key)
        args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
        if known is None or type(args) not in (tuple, list) or type(kwargs) is not dict:
            return None
        job, fields = known
        named = cast("dict[Any, Any]", kwargs)
        if not all(type(name) is str for name in named):
            return None
        try:
            own = call_fields(job, args, named)
        except Exception:  # noqa: BLE001  arguments may raise anything: RQ is to say what is wrong with them
            return None
        if described:
            del own["description"]
        elif not own["description"].isascii():
            return None
        return job, {**fields, **own}
