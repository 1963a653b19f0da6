"""Who sends a request: the bearer of a token, a browser's session of one, or whom the host application says.

A token is taken from the Authorization header alone: never from a URL, which stands in logs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from starlette.requests import Request

from rq_scheduler.client.tokens import Role, Token, Tokens, digest_of
from rq_scheduler.log import log
from rq_scheduler.web.problems import Refused
from rq_scheduler.web.security.guesses import Guesses, network_of
from rq_scheduler.web.settings import Settings

__all__ = ["Visitor", "Visitors", "cookie_name"]

_MAX_SECRET = 200


@dataclass(frozen=True, slots=True)
class Visitor:
    """`actor` is what the audit calls him."""

    actor: str
    role: Role


class Visitors:
    """Finds out who sends requests, by the settings of one application."""

    def __init__(self, settings: Settings, guesses: Guesses) -> None:
        self._settings = settings
        self._guesses = guesses

    def visitor(self, request: Request, tokens: Tokens) -> Visitor:
        """Who it is. Raises Refused (401, 429) for nobody."""
        auth = self._settings.auth
        if callable(auth):
            found = auth(request)
            if found is None:
                raise _not_authenticated("the application says that you are not logged in, or may not come here")
            return Visitor(f"web: {found[0]}"[:200], found[1])
        if auth == "none":
            return Visitor("web", "operator")
        given = request.headers.get("authorization")
        if given is not None:
            kind, _, secret = given.partition(" ")
            if kind.lower() != "bearer":
                raise _not_authenticated("Authorization has to be 'Bearer ' and a token")
            return _of(self.bearer(request, tokens, secret.strip()))
        session = request.cookies.get(cookie_name(request, self._settings))
        if session is None:
            raise _not_authenticated("no token came with the request: send 'Authorization: Bearer ...'")
        return _of(self._checked(request, tokens, session, is_session=True))

    def bearer(self, request: Request, tokens: Tokens, secret: str) -> Token:
        """Whose token this is. Raises Refused (401, 429) where it is nobody's."""
        return self._checked(request, tokens, secret, is_session=False)

    def _checked(self, request: Request, tokens: Tokens, secret: str, *, is_session: bool) -> Token:
        address = network_of(request.client.host if request.client else "")
        digest = digest_of(secret)
        if seconds := self._guesses.wait(address, digest):
            raise Refused(
                429, "too-many-guesses", "too many tokens or sessions that are nobody's came from your address",
                {"retry-after": str(seconds)},
            )  # fmt: skip
        found = None
        if len(secret) <= _MAX_SECRET:
            found = tokens.of_session(secret) if is_session else tokens.bearer_of(secret)
        if found is not None:
            self._guesses.right(digest)
            return found
        if self._guesses.wrong(address, digest):
            log.warning("many tokens that are nobody's come from %s", address, extra={"action": "logins_refused"})
            tokens.tell_refused(address, 10)
        if is_session:
            raise _not_authenticated("the session has ended: log in again")
        raise _not_authenticated("the token is nobody's, or was revoked, or has expired")


def cookie_name(request: Request, settings: Settings) -> str:
    """The name of the session cookie: another for each deployment, since browsers send cookies to every port of a
    host."""
    where = f"{request.headers['host'].lower()}|{root_path(request)}"
    name = f"rqs_{hashlib.sha256(where.encode()).hexdigest()[:12]}"
    if not is_secure(request, settings):
        return name
    return f"__Secure-{name}" if root_path(request) else f"__Host-{name}"


def root_path(request: Request) -> str:
    """Where the application is mounted; empty for the root."""
    return str(request.scope.get("app_root_path", "")).rstrip("/")


def is_secure(request: Request, settings: Settings) -> bool:
    """Whether the browser came by TLS."""
    return request.url.scheme == "https" or settings.hosts.is_secure


def _of(token: Token) -> Visitor:
    return Visitor(f"token {token.name}"[:200], token.role)


def _not_authenticated(why: str) -> Refused:
    return Refused(401, "not-authenticated", why, {"www-authenticate": 'Bearer realm="rqscheduler"'})
