"""Who is told: a name, a way to send, and what is sent there. Owns what a receiver may be made of.

Knows no address: `webhook.py` and `apprise_url.py` make the ways to send that a file names, an application may give any
function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from rq_scheduler.alerts.kinds import DEFAULT_KINDS, check_kinds
from rq_scheduler.aliases import DurationLike, EventKind
from rq_scheduler.clock import US, duration_us
from rq_scheduler.errors import InvalidArgument, InvalidType, NotDelivered, kind_of
from rq_scheduler.sanitize import plain
from rq_scheduler.views.alerts import Told

__all__ = ["Message", "Receiver", "mask", "words_of"]

_MASK = "***"
_SHORTEST_SECRET = 4
_LONGEST_ERROR = 200
_MOST_AN_HOUR = 1_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver is sent. id: the same when it is sent a second time, so that a receiver can drop that. title: one
    line; text: lines. told: the events themselves; at: when the last of them happened (aware UTC). data: all of it as
    JSON values."""

    id: str
    title: str
    text: str
    at: datetime
    told: Told
    data: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Somebody who is told of events, or a program.

    name: letters, digits, `_` and `-`; what he has been told is remembered under it. send: called with each Message, in
    a thread of its own; it may say in a few words what the receiver answered, and whatever it raises means that the
    message did not arrive, and is sent again. kinds: of events, with those that end what they begin; by default those
    that may need a person. window: how long events are gathered before they are told together. max_per_hour: messages,
    at most; what comes meanwhile is told together. timeout: for how long `send` may take. secrets: what no error may
    show, beside addresses. Raises InvalidArgument or InvalidType for what cannot be.
    """

    name: str
    send: Callable[[Message], str | None] = field(repr=False)
    kinds: Collection[EventKind] = DEFAULT_KINDS
    window: DurationLike = 30
    max_per_hour: int = 30
    timeout: DurationLike = 10
    secrets: Iterable[str] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"name={self.name!r:.100} is {kind_of(self.name)}: give text")
        if not _NAME.fullmatch(self.name):
            raise InvalidArgument(
                f"name={self.name!r:.100} is no name of a receiver: give 64 letters, digits, '_' and '-' at most"
            )
        if not callable(self.send):
            raise InvalidType(f"send={self.send!r:.100} is {kind_of(self.send)}: give a function that takes a message")
        object.__setattr__(self, "kinds", check_kinds(self.kinds))
        object.__setattr__(self, "secrets", tuple(self.secrets))
        _check_length(self.window, "window", 0, 3600)
        _check_length(self.timeout, "timeout", 1, 120)
        if not isinstance(self.max_per_hour, int) or isinstance(self.max_per_hour, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"max_per_hour={self.max_per_hour!r:.100} is {kind_of(self.max_per_hour)}: give a number")
        if not 1 <= self.max_per_hour <= _MOST_AN_HOUR:
            raise InvalidArgument(f"max_per_hour={self.max_per_hour} is not between 1 and {_MOST_AN_HOUR:,}")

    @property
    def window_seconds(self) -> float:
        return duration_us(self.window, "window") / US

    @property
    def timeout_seconds(self) -> float:
        return duration_us(self.timeout, "timeout") / US


def mask(text: str, secrets: Iterable[str]) -> str:
    """A text for people without these secrets, and without any address, whose parts may be some; not too long."""
    text = _ADDRESS.sub(_MASK, text)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _MASK)
    shown = plain(" ".join(text.split()))
    return shown if len(shown) <= _LONGEST_ERROR else shown[: _LONGEST_ERROR - 1] + "…"


def words_of(error: BaseException, secrets: Iterable[str]) -> str:
    """Why a message did not arrive, without secrets."""
    said = str(error) if isinstance(error, NotDelivered) else f"{type(error).__name__}: {error}".removesuffix(": ")
    return mask(said, secrets)


def _check_length(given: DurationLike, name: str, least: int, most: int) -> None:
    if not least * US <= duration_us(given, name) <= most * US:
        raise InvalidArgument(f"{name}={given!r:.100} is not between {least} and {most} seconds")
