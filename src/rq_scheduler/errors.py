"""Every error that this package raises: one base class, and beside it the builtin Python would raise.

Owns the classes, how a message names a type, and the one check that all texts share; the message is written where the
mistake is seen, and says which argument, which value and what to do. Errors of Redis itself (refused, timed out, out of
memory) are never wrapped: they reach the caller as redis-py's own. So does what a value raises that cannot be shown.
"""

# ruff: noqa: N818  named for what they say: `except NotScheduled` reads better without a suffix

from __future__ import annotations

__all__ = [
    "EvictionRefused",
    "FenceHeld",
    "FunctionRefused",
    "IdTaken",
    "InvalidArgument",
    "InvalidConnection",
    "InvalidType",
    "JobUnreadable",
    "NameTaken",
    "NotDelivered",
    "NotScheduled",
    "RetryRefused",
    "ScheduleNotFound",
    "SchedulerError",
    "SchedulerWarning",
    "TriggerTooCostly",
    "VersionConflict",
    "check_encodable",
    "check_texts",
    "kind_of",
]


class SchedulerError(Exception):
    """Base of everything that rq_scheduler raises on its own account."""


class InvalidArgument(SchedulerError, ValueError):
    """An argument has the right type and a value that cannot work. Nothing was written."""


class TriggerTooCostly(InvalidArgument):
    """The instants of a trigger take more work to find than any may. Nothing was written."""


class InvalidType(SchedulerError, TypeError):
    """An argument has a type that cannot work. Nothing was written."""


class InvalidConnection(InvalidType, InvalidArgument):
    """What was given as the connection is no client of Redis that can be used there, or nothing was."""


class FunctionRefused(InvalidArgument, TypeError):
    """The function (or its arguments) cannot reach a worker: a lambda, a nested function, something that does
    not pickle. Nothing was written."""


class NotScheduled(SchedulerError, ValueError):
    """The job named is not scheduled: it was handed off, cancelled or never existed."""


class ScheduleNotFound(SchedulerError, KeyError):
    """No schedule has this id."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show its repr


class VersionConflict(SchedulerError, ValueError):
    """The schedule has been changed since the version that the caller has seen. Nothing was written."""


class NameTaken(SchedulerError, ValueError):
    """A live instance already bears this name."""


class IdTaken(SchedulerError, ValueError):
    """The id belongs to a schedule, or to a pending job; jobs and schedules share one namespace."""


class RetryRefused(SchedulerError, ValueError):
    """An entry in quarantine cannot go back where it came from; it stays there."""


class JobUnreadable(SchedulerError, ValueError):
    """What Redis holds for a job cannot be read back here (another serializer, a class that is not importable)."""


class SchedulerWarning(UserWarning):
    """A call that works and probably means something else; the text names the explicit form."""


class EvictionRefused(SchedulerError):
    """Redis may evict keys under memory pressure, and would evict schedules with them."""


class FenceHeld(SchedulerError):
    """Somebody else holds 0.14's lock, so that nothing may be handed off; what is due stays where it is."""


class NotDelivered(SchedulerError):
    """A receiver of alerts could not be reached, or did not take a message; it is sent again."""


def check_encodable(**texts: str) -> None:
    """Raises InvalidArgument for text with half of a surrogate pair in it, which no UTF-8 and so no Redis can keep."""
    for name, text in texts.items():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidArgument(
                f"{name}={text!r:.200} has {text[error.start]!r}, half of a character, which cannot be written: "
                "leave it out"
            ) from None


def check_texts(**values: object) -> None:
    """Raises InvalidType for what is no text, InvalidArgument for text that Redis cannot keep; None is not there."""
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, str):
            raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give text")
        check_encodable(**{name: value})


def kind_of(value: object) -> str:
    """A value's type with its article, as messages name it: "an int", "a str"."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"
