"""What is answered where something is wrong: problem details (RFC 9457), with the texts of the Python errors.

Owns which error is which status. No text names an address of Redis, a path of this host or what a visitor kept secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from redis.exceptions import RedisError

from rq_scheduler.errors import (
    IdTaken,
    JobUnreadable,
    NameTaken,
    NotScheduled,
    RetryRefused,
    ScheduleNotFound,
    SchedulerError,
    VersionConflict,
)
from rq_scheduler.sanitize import plain
from rq_scheduler.store.base import is_misfit

__all__ = ["MEDIA_TYPE", "TITLES", "Problem", "Refused", "refused_by"]

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final[Mapping[int, str]] = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    421: "Unknown host",
    422: "Invalid",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    501: "Not installed",
    503: "Not available",
}

_MAX_DETAIL = 2000


class Problem(msgspec.Struct, frozen=True):
    """Problem details. `code` is for programs and does not change; `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class Refused(Exception):  # noqa: N818  named for what it says
    """A request that is answered with a problem."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers: dict[str, str] = dict(headers or {})

    @property
    def problem(self) -> Problem:
        """The details."""
        detail = plain(str(self))
        detail = detail if len(detail) <= _MAX_DETAIL else f"{detail[:_MAX_DETAIL]}..."
        return Problem(f"urn:rq-scheduler:problem:{self.code}", TITLES[self.status], self.status, self.code, detail)

    def encoded(self) -> bytes:
        """As it is sent."""
        return msgspec.json.encode(self.problem)


_BY_KIND: tuple[tuple[type[Exception], int, str], ...] = (
    (ScheduleNotFound, 404, "not-found"),
    (NotScheduled, 404, "not-scheduled"),
    (VersionConflict, 412, "version-conflict"),
    (IdTaken, 409, "id-taken"),
    (NameTaken, 409, "name-taken"),
    (RetryRefused, 409, "retry-refused"),
    (JobUnreadable, 409, "unreadable"),
    (msgspec.ValidationError, 422, "invalid"),
    (msgspec.DecodeError, 400, "no-json"),
    (ValueError, 422, "invalid"),
    (TypeError, 422, "invalid"),
    (SchedulerError, 409, "conflict"),
)


def refused_by(error: Exception) -> Refused | None:
    """What an error of the API, of a decoder or of Redis is answered with; None for a fault of our own."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, RedisError) and is_misfit(error):
        detail = "a key in Redis holds something of another type than it has to: `rqscheduler status` names it"
        return Refused(503, "wrong-type", detail, {"retry-after": "60"})
    if isinstance(error, RedisError | OSError):
        return Refused(503, "redis", "Redis does not answer, or refuses: ask again soon", {"retry-after": "5"})
    if isinstance(error, SchedulerError | msgspec.DecodeError):
        for kind, status, code in _BY_KIND:
            if isinstance(error, kind):
                return Refused(status, code, str(error))
    return None
