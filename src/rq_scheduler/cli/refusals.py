"""What Redis refuses, or does not answer, as one sentence for a person, with the remedy."""

from __future__ import annotations

from redis.exceptions import AuthenticationError, AuthorizationError, BusyLoadingError, NoPermissionError
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as TimedOut

from rq_scheduler.cli.addresses import ConnectionOptions

__all__ = ["of_redis"]


def of_redis(error: Exception, where: ConnectionOptions | None = None) -> str:
    """The sentence for an error of redis-py, or of the network below it."""
    place = "Redis" if where is None else f"Redis at {where.describe()}"
    if isinstance(error, AuthenticationError | AuthorizationError):
        remedy = (ConnectionOptions() if where is None else where).password_remedy
        return f"{place} refuses us: {error}. {remedy}."
    if isinstance(error, NoPermissionError):
        return f"this user of {place} may not do that: {error}. Grant the command or the keys in its ACL."
    if isinstance(error, BusyLoadingError):
        return f"{place} is reading its data from disk: try again when it has."
    if isinstance(error, NoConnection | TimedOut | OSError):
        said = str(error).partition(" : <")[0].rstrip(".")  # without the clients that asked the sentinels
        remedy = ConnectionOptions().remedy if where is None else where.remedy
        return f"{place} does not answer: {said}. Is it running, and {remedy}"
    return f"{place} refuses: {error}"
