"""What every request passes before it is routed: the host's name, where a browser sends it from; and what every answer
gets: its headers. Knows no path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rq_scheduler.web.problems import MEDIA_TYPE, Refused
from rq_scheduler.web.security.cross_site import cross_site
from rq_scheduler.web.security.headers import HEADERS
from rq_scheduler.web.security.hosts import Hosts

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["PUBLIC_URL", "Guard"]

PUBLIC_URL = "rq_scheduler.public_url"
"""Key of the scope: the address of this request, where the application that hands it on has checked that it is one of
its own. No client can write there."""

_ONCE = frozenset({"host", "origin", "authorization", "content-type", "content-length", "sec-fetch-site"})
"""Headers of which a second one is refused: which of them counts would be a matter of opinion."""


class Guard:
    """An ASGI application around another. `page_of` makes of a refusal what is shown to those who look at it in a
    browser; without it they get the JSON of programs. A cookie with `session_cookie` in it may be a session: where the
    host application knows who visitors are, any may ("=")."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Hosts,
        page_of: Callable[[Scope, Refused], bytes] | None = None,
        session_cookie: str = "rqs_",
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._page_of = page_of
        self._session_cookie = session_cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        scope["app_root_path"] = scope.get("root_path", "")
        sent = _with_headers(send)
        try:
            self._check(scope)
        except Refused as refused:
            if self._page_of is not None and _wants_a_page(scope):
                await _answer(refused, sent, self._page_of(scope, refused), b"text/html; charset=utf-8")
            else:
                await _answer(refused, sent, refused.encoded(), MEDIA_TYPE.encode())
            return
        await self._app(scope, receive, sent)

    def _check(self, scope: Scope) -> None:
        headers: dict[str, str] = {}
        for raw, value in scope["headers"]:
            name = raw.decode("latin-1").lower()
            if name in headers and name in _ONCE:
                raise Refused(400, "bad-header", f"the header {name} came twice")
            headers[name] = value.decode("latin-1")
        hosts = self._hosts.also(scope.get(PUBLIC_URL))
        if not hosts.answers_to(headers.get("host", "")):
            raise Refused(
                421, "unknown-host",
                "this application does not answer to that host name: its operator can add the address under which "
                "people use it (--public-url)",
            )  # fmt: skip
        has_session = "authorization" not in headers and self._session_cookie in headers.get("cookie", "")
        why = cross_site(scope["method"], headers, hosts, has_session=has_session)
        if why is not None:
            raise Refused(403, "cross-site", why)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            known: list[Any] = list(message.get("headers", ()))
            names = {name.lower() for name, _ in known}
            message = {**message, "headers": [*known, *(pair for pair in HEADERS if pair[0] not in names)]}
        await send(message)

    return sent


def _wants_a_page(scope: Scope) -> bool:
    """Whether a person looks at the answer: browsers say so where they go, programs and scripts do not."""
    return any(name.lower() == b"accept" and b"text/html" in value.lower() for name, value in scope["headers"])


async def _answer(refused: Refused, send: Send, body: bytes, media_type: bytes) -> None:
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
