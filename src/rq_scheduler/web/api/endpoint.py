"""The way that each request of the API takes: its visitor is known, its body is read, what it wants is allowed and
decoded, and the call is made, in a thread; or a problem is answered. A body is only read of who may make the call.

Reading is the only asynchronous part: a client that sends slowly, or never ends, keeps no thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from rq_scheduler import Scheduler
from rq_scheduler.client.base import context_of, hiding_arguments
from rq_scheduler.log import log
from rq_scheduler.web.api.once import Once
from rq_scheduler.web.api.route import Answer, Call, Route
from rq_scheduler.web.api.schedules import Definition, Patch
from rq_scheduler.web.problems import MEDIA_TYPE, Refused, refused_by
from rq_scheduler.web.security.bodies import is_too_deep
from rq_scheduler.web.security.rates import Rates
from rq_scheduler.web.security.visitors import Visitor, Visitors
from rq_scheduler.web.settings import Settings

__all__ = ["Endpoint", "Service", "admit", "json_body", "problem_response", "read_body", "refuse_changes"]

T = TypeVar("T")

_MAX_ID = 400
_MAX_QUERY = 4000
_MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Service:
    """What all calls of one application share."""

    scheduler: Scheduler
    settings: Settings
    visitors: Visitors
    reads: Rates
    writes: Rates

    def scheduler_of(self, visitor: Visitor) -> Scheduler:
        """The API as this visitor may use it: under his name, and without arguments where he may see none."""
        scheduler = self.scheduler.acting_as(visitor.actor)
        hides = self.settings.hide_arguments or visitor.role == "viewer"
        return hiding_arguments(scheduler) if hides else scheduler


class Endpoint:
    """The calls of one path, by method."""

    def __init__(self, service: Service, routes: Mapping[str, Route]) -> None:
        self._service = service
        self._routes = routes

    async def respond(self, request: Request) -> Response:
        """The answer."""
        route = self._routes["GET" if request.method == "HEAD" else request.method]
        try:
            visitor = (
                await run_in_threadpool(admit, self._service, request, changes=route.changes)
                if _has_body(request)
                else None
            )
            body = await read_body(request, self._service.settings)
            answer = await run_in_threadpool(self._do, route, request, body, visitor)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  told as a problem
            return problem_response(error)
        encoded = b"" if answer.status in (204, 304) else msgspec.json.encode(answer.body)
        return Response(encoded, answer.status, answer.headers, "application/json" if encoded else None)

    def _do(self, route: Route, request: Request, body: bytes, visitor: Visitor | None) -> Answer:
        """Makes the call; `visitor` is who it is, where that is known already."""
        service = self._service
        visitor = visitor or admit(service, request, changes=route.changes)
        id = request.path_params.get("id", "")
        if len(id) > _MAX_ID or not id.isprintable():
            raise Refused(404, "not-found", "nothing has an id like that")
        call: Call[Any, Any] = Call(
            scheduler=service.scheduler_of(visitor),
            settings=service.settings,
            visitor=visitor,
            id=id,
            query=_query(request, route),
            body=_decoded(request, route, body, service.settings),
            headers={name: value for name, value in request.headers.items() if name in ("if-match", "if-none-match")},
        )
        if not route.once:
            return route.call(call)
        key = request.headers.get("idempotency-key")
        once = Once(context_of(service.scheduler))
        return once.do(visitor.actor, request.url.path, key, body, lambda: route.call(call))


def admit(service: Service, request: Request, *, changes: bool = False) -> Visitor:
    """Who asks. Raises Refused for nobody, for one who asks too often, and for one who may not change anything."""
    visitor = service.visitors.visitor(request, service.scheduler.tokens)
    rates = service.writes if changes else service.reads
    if seconds := rates.wait(visitor.actor):
        raise Refused(429, "too-many", "you ask too often: ask again later", {"retry-after": str(seconds)})
    if changes:
        refuse_changes(service.settings, visitor)
    return visitor


def refuse_changes(settings: Settings, visitor: Visitor) -> None:
    """Raises Refused for one who may not change anything."""
    if settings.read_only:
        raise Refused(403, "read-only", "this application was started to read only: nothing can be changed here")
    if visitor.role != "operator":
        raise Refused(403, "viewer", "you may look, and not change or run anything: that takes an operator")


def problem_response(error: Exception) -> Response:
    """The problem that an error is answered with. A fault of ours is logged, and says nothing of itself."""
    refused = refused_by(error)
    if refused is None:
        log.error("a request failed", exc_info=error, extra={"action": "web_failed"})
        refused = Refused(500, "internal", "something is wrong here: the log of this process says what")
    return Response(refused.encoded(), refused.status, refused.headers, MEDIA_TYPE)


def _has_body(request: Request) -> bool:
    """Whether a body is announced, as HTTP/1.1 has it; else it is read, bounded, before anybody knows whose it is."""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def read_body(request: Request, settings: Settings) -> bytes:
    """The body of a request. Raises Refused for one that is too large, or does not come."""
    too_large = Refused(413, "too-large", f"a body may have {settings.max_body:,} bytes at most")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > settings.max_body):
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.receive_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > settings.max_body:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError:
        raise Refused(408, "too-slow", "the request did not come to its end") from None
    return b"".join(chunks)


def _query(request: Request, route: Route) -> Any:
    raw = request.scope["query_string"]
    if len(raw) > _MAX_QUERY:
        raise Refused(400, "bad-query", "the query is too long")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise Refused(400, "bad-query", "the query is no query of a URL, in UTF-8") from None
    known = route.query.__struct_fields__
    values: dict[str, str] = {}
    for name, value in pairs:
        # Not its value, nor an unknown name: it may be a secret that somebody put into a URL.
        if name not in known:
            takes = ", ".join(known) or "none"
            raise Refused(400, "bad-query", f"a parameter of the query is not known here; known are: {takes}")
        if name in values:
            raise Refused(400, "bad-query", f"{name} is given twice in the query")
        values[name] = value
    try:
        return msgspec.convert(values, route.query, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(400, "bad-query", f"in the query: {error}") from None


async def json_body(request: Request, settings: Settings, kind: type[T]) -> T:
    """The body of a request, read and decoded. Raises Refused, or msgspec.ValidationError."""
    return msgspec.convert(_json(request, await read_body(request, settings), settings), kind)


def _decoded(request: Request, route: Route, body: bytes, settings: Settings) -> Any:
    if route.body is None:
        if body:
            raise Refused(400, "no-body", "this call takes no body")
        return None
    given = _json(request, body, settings, *([_MERGE_PATCH] if route.merges else []))
    # Definitions are read by the code that reads files, which says more of what is wrong.
    return given if route.body in (Definition, Patch) else msgspec.convert(given, route.body)


def _json(request: Request, body: bytes, settings: Settings, *also: str) -> dict[str, Any]:
    """The object that a body is."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", *also):
        raise Refused(415, "no-json", "send JSON, and say so: Content-Type: application/json")
    if is_too_deep(body, settings.max_depth):
        raise Refused(400, "too-deep", f"lists and objects may stand in each other {settings.max_depth} deep at most")
    try:
        given = msgspec.json.decode(body)
    except (UnicodeDecodeError, RecursionError):
        raise Refused(400, "no-json", "this is no JSON, in UTF-8") from None
    if not isinstance(given, dict):
        raise Refused(422, "invalid", "send an object: {...}")
    return cast("dict[str, Any]", given)
