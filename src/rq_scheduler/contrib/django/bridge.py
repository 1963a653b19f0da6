"""A request of Django's handed to the web application, which is ASGI, and its answer taken back.

Owns what is said on the way: who the visitor is and under which address he came, both of which Django has checked. The
application keeps its rules about origins, bodies and headers. The event stream is not there, as under WSGI: pages ask
again and again.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync
from django.conf import settings as site
from django.http import HttpRequest, HttpResponse
from django.utils.http import is_same_domain
from starlette.requests import Request

from rq_scheduler.client.tokens import Role
from rq_scheduler.contrib.django.scheduler import get_scheduler
from rq_scheduler.contrib.django.settings import read_settings
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.security.guard import PUBLIC_URL

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Scope

__all__ = ["answer"]

VISITOR = "rq_scheduler.django.visitor"
CHUNK = 64 * 1024

_JUDGED = ("host", "authorization")
"""Headers that were Django's to judge: who comes with a session may not be taken for a program with a token."""


def answer(request: HttpRequest, home: str, root: str, path: str, visitor: tuple[str, Role]) -> HttpResponse:
    """What the application answers. `root` is the path below which it is mounted, `path` the rest; `home` is where the
    admin begins."""
    start: dict[str, Any] = {}
    body: list[bytes] = []
    ended = False

    async def receive() -> Message:
        nonlocal ended
        if ended:
            return {"type": "http.disconnect"}
        chunk = request.read(CHUNK)
        ended = not chunk
        return {"type": "http.request", "body": chunk, "more_body": not ended}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.append(message.get("body", b""))

    async_to_sync(application(home))(_scope(request, root, path, visitor), receive, send)
    response = HttpResponse(b"".join(body), status=start["status"])
    del response["Content-Type"]
    for name, value in start["headers"]:
        if name.lower() == b"set-cookie":
            response.cookies.load(value.decode("latin-1"))
        else:
            response[name.decode("latin-1")] = value.decode("latin-1")
    return response


@cache
def application(home: str) -> ASGIApp:
    """This process's, built when the first request comes: no setting is read, and no connection made, on import. `home`
    is the admin's address."""
    settings = read_settings()
    return create_app(
        get_scheduler(),
        Settings(
            allow=settings.allow,
            allow_queues=tuple(settings.queues or ()),
            auth=_visitor,
            hide_arguments=settings.hide_arguments,
            timezone=settings.time_zone,
            home=("Site administration", home),
        ),
    )


def _visitor(request: Request) -> tuple[str, Role] | None:
    return request.scope.get(VISITOR)


def _scope(request: HttpRequest, root: str, path: str, visitor: tuple[str, Role]) -> Scope:
    meta = request.META
    host = request.get_host()  # as ALLOWED_HOSTS has it
    address = f"{request.scheme}://{host}"
    given = {name.lower(): value for name, value in request.headers.items() if name.lower() not in _JUDGED}
    if "origin" in given and _is_trusted(given["origin"], host):
        given["origin"] = address
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in given.items()]
    query: str = meta.get("QUERY_STRING", "")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": f"{root}{path}",
        "raw_path": f"{root}{path}".encode(),
        "root_path": root,
        "query_string": query.encode("latin-1", "replace"),
        "headers": [(b"host", host.encode("latin-1")), *headers],
        "client": (meta.get("REMOTE_ADDR") or "", 0),
        "server": None,
        "wsgi_environ": meta,
        VISITOR: visitor,
        PUBLIC_URL: address,
    }


def _is_trusted(origin: str, host: str) -> bool:
    """Whether it is this host by another scheme or port, which CSRF_TRUSTED_ORIGINS names: a proxy ends TLS, and Django
    is not told (SECURE_PROXY_SSL_HEADER)."""
    try:
        parts = urlsplit(origin)
        if parts.hostname is None or parts.hostname != urlsplit(f"//{host}").hostname:
            return False
    except ValueError:
        return False
    trusted = map(urlsplit, site.CSRF_TRUSTED_ORIGINS)
    return any(
        parts.scheme == each.scheme and is_same_domain(parts.netloc, each.netloc.lstrip("*")) for each in trusted
    )
