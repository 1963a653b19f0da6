"""Who may use the web, and what was answered to requests that must not be done twice. Secrets are here as
digests alone.

Knows no role and no request.
"""

from __future__ import annotations

from collections.abc import Mapping

from rq_scheduler.store.base import is_ok, mapping, text
from rq_scheduler.store.command import Command, Commands, Procedure, call
from rq_scheduler.store.operation import operation


class AccessCommands(Commands):
    """Operations on tokens, sessions and remembered answers."""

    @operation
    def make_token(self, id: str, record: str, **details: str) -> Command[bool]:
        """Writes the record of a token; False where another has the id. The audit says the details."""
        return self._change_token(id, record, details)

    @operation
    def revoke_token(self, id: str, **details: str) -> Command[bool]:
        """Removes a token, and with it its sessions; False where there is none of this id."""
        return self._change_token(id, "", details)

    def _change_token(self, id: str, record: str, details: Mapping[str, str]) -> Command[bool]:
        flat = [each for pair in details.items() for each in pair]
        return self._script("change_token", self.keys.tokens, id, record, self.actor, *flat, read=is_ok)

    @operation
    def token(self, id: str) -> Command[str | None]:
        """The record of a token."""
        return call("HGET", self.keys.tokens, id, read=_optional)

    @operation
    def tokens(self) -> Command[dict[str, str]]:
        """All of them, by id."""
        return call("HGETALL", self.keys.tokens, read=lambda r: {text(id): text(raw) for id, raw in mapping(r).items()})

    @operation
    def open_session(self, digest: str, token_id: str, seconds: int) -> Command[None]:
        """Remembers a session of a token for so long."""
        return call("SET", self.keys.session(digest), token_id, "EX", seconds, read=lambda _: None)

    @operation
    def session(self, digest: str) -> Command[str | None]:
        """The id of the token that a session is of."""
        return call("GET", self.keys.session(digest), read=_optional)

    @operation
    def close_session(self, digest: str) -> Command[None]:
        """Forgets a session."""
        return call("DEL", self.keys.session(digest), read=lambda _: None)

    @operation
    def begin_once(self, digest: str, state: str, seconds: int) -> Procedure[str | None]:
        """Remembers that a request is being done, for so long; or returns what is remembered of it already."""
        key, known = self.keys.request(digest), None
        while known is None:  # what was remembered may expire between the two
            if (yield from call("SET", key, state, "EX", seconds, "NX")):
                return None
            known = yield from call("GET", key, read=_optional)
        return known

    @operation
    def end_once(self, digest: str, state: str, seconds: int) -> Command[None]:
        """Remembers what was answered to a request, for so long."""
        return call("SET", self.keys.request(digest), state, "EX", seconds, read=lambda _: None)

    @operation
    def forget_once(self, digest: str) -> Command[None]:
        """Forgets a request, which came to nothing."""
        return call("DEL", self.keys.request(digest), read=lambda _: None)


def _optional(reply: bytes | str | None) -> str | None:
    return None if reply is None else text(reply)
