"""What a call of the API is: its method and path, who may make it, what it takes and gives. The document and the
application are both made from that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from rq_scheduler import Scheduler
from rq_scheduler.client.tokens import Role
from rq_scheduler.web.security.visitors import Visitor
from rq_scheduler.web.settings import Settings

__all__ = ["Answer", "Call", "NoQuery", "Route"]

Q = TypeVar("Q")
B = TypeVar("B")


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query without parameters."""


@dataclass(frozen=True)
class Call(Generic[Q, B]):
    """A request that has passed: `scheduler` acts as the visitor. `id` is that of the path. `headers` by their names in
    lower case."""

    scheduler: Scheduler
    settings: Settings
    visitor: Visitor
    id: str
    query: Q
    body: B
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gives: JSON, a status, headers."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`path` is behind `/api/v1`, with `{id}` in it where it is about one thing. `query` and `body` are the types of
    what it takes; `merges` says that the body is a merge patch. `answer` is the type of what it gives with one of the
    `statuses`; `problems` are the statuses of what may go wrong beside what may go wrong with any call. `once`: an
    Idempotency-Key keeps it from being done twice. `etag`: of a schedule's version."""

    method: str
    path: str
    call: Callable[[Call[Any, Any]], Answer]
    role: Role = "viewer"
    query: type[msgspec.Struct] = NoQuery
    body: Any = None
    merges: bool = False
    answer: Any = None
    statuses: tuple[int, ...] = (200,)
    problems: tuple[int, ...] = ()
    once: bool = False
    etag: bool = False

    @property
    def name(self) -> str:
        """Its name, for programs."""
        return self.call.__name__

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.role == "operator"
