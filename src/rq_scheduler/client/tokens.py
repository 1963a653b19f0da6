"""`scheduler.tokens`: who may use the web. A token is told once, to whoever makes it; Redis keeps a digest.

A face over the store. Knows no key of Redis and no request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import msgspec

from rq_scheduler.aliases import DurationLike
from rq_scheduler.client.actor import check_actor
from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.clock import duration_us, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, SchedulerError, kind_of
from rq_scheduler.triggers import MAX_US

__all__ = ["Role", "Token", "Tokens", "digest_of"]

Role = Literal["viewer", "operator"]
"""A viewer sees all that is shown; an operator changes and runs it, too."""

_START = "rqs"
_ID_BYTES, _SECRET_BYTES = 6, 32


@dataclass(frozen=True, slots=True)
class Token:
    """A token that stands in Redis. Moments are aware UTC; `expires_at` is None for one that lasts until it is
    revoked."""

    id: str
    name: str
    role: Role
    made_at: datetime
    made_by: str
    expires_at: datetime | None


class _Record(msgspec.Struct, frozen=True):
    name: str
    role: Role
    digest: str
    made: int
    by: str
    expires: int | None = None


class Tokens:
    """The tokens of one Redis, seen through a Scheduler. Iterating gives them in the order in which they were made."""

    def __init__(self, context: SchedulerContext) -> None:
        self._context = context

    def make(self, name: str, role: Role = "viewer", expires_in: DurationLike | None = None) -> str:
        """A new token, as `Authorization: Bearer ...` takes it. Nothing can tell it a second time.

        `name` is what the audit calls its bearer, 1 to 200 printable characters. Raises InvalidArgument or InvalidType
        for what cannot be.
        """
        check_actor(name, "name")
        if role not in get_args(Role):
            raise InvalidArgument(f"role={role!r} is not one of {', '.join(map(repr, get_args(Role)))}")
        store = self._context.store
        now = store.server_time()
        expires = None if expires_in is None else now + duration_us(expires_in, "expires_in")
        if expires is not None and not now < expires <= MAX_US:
            raise InvalidArgument(f"expires_in={expires_in!r} is no time to come: give a length of time, such as '90d'")
        id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        record = _Record(name, role, digest_of(secret), now, store.actor, expires)
        if not store.make_token(id, msgspec.json.encode(record).decode(), name=name, role=role):
            raise SchedulerError("another token has been given that id, by chance: make it once more")
        return f"{_START}_{id}_{secret}"

    def revoke(self, id: str) -> bool:
        """End a token and its sessions; False where there is none of this id."""
        if not isinstance(id, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"id={id!r} is {kind_of(id)}: give the id of a token")
        record = self._record(id)
        return self._context.store.revoke_token(id, name="" if record is None else record.name)

    def __iter__(self) -> Iterator[Token]:
        found = [(id, record) for id, raw in self._context.store.tokens().items() if (record := _read(raw))]
        return iter([_view(id, record) for id, record in sorted(found, key=lambda pair: pair[1].made)])

    def bearer_of(self, given: str) -> Token | None:
        """Whose token this is; None where it is nobody's, or has expired."""
        start, _, rest = given.partition("_")
        id, _, secret = rest.partition("_")
        if start != _START or not id.isalnum() or not id.isascii() or len(id) > 2 * _ID_BYTES or not secret:
            return None
        record = self._record(id)
        if record is None or not hmac.compare_digest(record.digest, digest_of(secret)):
            return None
        return self._alive(id, record)

    def open_session(self, token: Token, seconds: int) -> str:
        """The secret of a new session of this token's bearer, for a cookie."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._context.store.open_session(digest_of(secret), token.id, seconds)
        return secret

    def of_session(self, secret: str) -> Token | None:
        """Whose session this is; None where it has ended, or its token has."""
        id = self._context.store.session(digest_of(secret))
        record = None if id is None else self._record(id)
        return None if id is None or record is None else self._alive(id, record)

    def close_session(self, secret: str) -> None:
        """End a session."""
        self._context.store.close_session(digest_of(secret))

    def tell_refused(self, address: str, failures: int) -> None:
        """Tell, as an event, that an address has tried so many tokens or sessions that are nobody's."""
        self._context.store.note_event("logins_refused", address, failures=str(failures))

    # Below the public methods

    def _record(self, id: str) -> _Record | None:
        raw = self._context.store.token(id)
        return None if raw is None else _read(raw)

    def _alive(self, id: str, record: _Record) -> Token | None:
        if record.expires is not None and record.expires <= self._context.store.server_time():
            return None
        return _view(id, record)


def digest_of(secret: str) -> str:
    """What stands in Redis for a secret of 256 random bits: those need no salt, and no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _read(raw: str) -> _Record | None:
    try:
        return msgspec.json.decode(raw, type=_Record)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _view(id: str, record: _Record) -> Token:
    expires = None if record.expires is None else from_us(record.expires)
    return Token(id, record.name, record.role, from_us(record.made), record.by, expires)
