"""`create_app`: the application, to serve or to mount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from rq_scheduler import Scheduler
from rq_scheduler.client.base import context_of, reading_plain_values
from rq_scheduler.errors import InvalidType, kind_of
from rq_scheduler.web.api.endpoint import Endpoint, Service, problem_response
from rq_scheduler.web.api.health import Health
from rq_scheduler.web.api.metrics import Metrics
from rq_scheduler.web.api.openapi import document
from rq_scheduler.web.api.route import Route
from rq_scheduler.web.api.routes import ROUTES
from rq_scheduler.web.api.sessions import Sessions
from rq_scheduler.web.api.watch import Watch
from rq_scheduler.web.pages.look import prepare
from rq_scheduler.web.pages.page import error_page
from rq_scheduler.web.pages.site import page_routes
from rq_scheduler.web.problems import Refused
from rq_scheduler.web.security.guard import Guard
from rq_scheduler.web.security.guesses import Guesses
from rq_scheduler.web.security.rates import Rates
from rq_scheduler.web.security.visitors import Visitors
from rq_scheduler.web.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Scope

__all__ = ["PREFIX", "create_app"]

PREFIX = "/api/v1"

_BURST_SECONDS = 10


def create_app(scheduler: Scheduler, settings: Settings | None = None) -> ASGIApp:
    """The dashboard and the HTTP API of this Scheduler's Redis, as an ASGI application: to be served, or mounted.

    Building it sends nothing, starts no thread and needs no event loop, so that it may be built before a fork; it needs
    no lifespan. It takes some tenths of a second, once in a process: what pages are made of is compiled, so that the
    first visitors need not wait for that. Raises InvalidType for what is no Scheduler.
    """
    if not isinstance(scheduler, Scheduler):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"scheduler={scheduler!r} is {kind_of(scheduler)}: give a Scheduler(connection=...)")
    settings = settings or Settings()
    scheduler = reading_plain_values(scheduler)
    context_of(scheduler).store.load_scripts()
    prepare()
    service = Service(
        scheduler=scheduler,
        settings=settings,
        visitors=Visitors(settings, Guesses()),
        reads=Rates(settings.reads_per_second, max(1, round(settings.reads_per_second * _BURST_SECONDS))),
        writes=Rates(settings.writes_per_second, max(1, round(settings.writes_per_second * _BURST_SECONDS))),
    )
    health = Health(scheduler)
    routes: list[BaseRoute] = [
        Path("/health/live", health.live, methods=["GET"]),
        Path("/health/ready", health.ready, methods=["GET"]),
        Path("/metrics", Metrics(service).respond, methods=["GET"]),
        Path(f"{PREFIX}/session", Sessions(service).respond, methods=["POST", "DELETE"]),
        Path(f"{PREFIX}/events/stream", Watch(service).respond, methods=["GET"]),
        Path(f"{PREFIX}/openapi.json", _openapi, methods=["GET"]),
        *_paths(service),
    ]
    routes += page_routes(service)

    async def http_problem(request: Request, error: Exception) -> Response:
        if request.url.path.removeprefix(str(request.scope.get("app_root_path", ""))).startswith(("/api/", "/health/")):
            return await _http_problem(request, error)
        return error_page(service, request, _refused(request, error))

    inner = Starlette(routes=routes, exception_handlers={HTTPException: http_problem, Exception: _problem})
    inner.router.redirect_slashes = False

    def page_of(scope: Scope, refused: Refused) -> bytes:
        # A host that is refused may be no part of an address at all: the page needs none.
        headers = [pair for pair in scope["headers"] if pair[0].lower() != b"host"]
        return bytes(error_page(service, Request({**scope, "headers": headers}), refused).body)

    return Guard(inner, settings.hosts, page_of, "=" if callable(settings.auth) else "rqs_")


def _paths(service: Service) -> Sequence[BaseRoute]:
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    # Names first: `/schedules/bulk` is no schedule.
    ordered = sorted(by_path, key=lambda path: path.count("{"))
    return [
        Path(PREFIX + path, Endpoint(service, by_path[path]).respond, methods=list(by_path[path])) for path in ordered
    ]


async def _openapi(request: Request) -> Response:
    return Response(_document(), media_type="application/json")


@cache
def _document() -> bytes:
    made: Mapping[str, Any] = document(ROUTES, PREFIX)
    return msgspec.json.encode(made)


async def _http_problem(request: Request, error: Exception) -> Response:
    return problem_response(_refused(request, error))


def _refused(request: Request, error: Exception) -> Refused:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    text = "nothing is at this address" if status == 404 else f"{request.method} is nothing that this address takes"
    return Refused(status, "not-found" if status == 404 else "method", text, headers)


async def _problem(request: Request, error: Exception) -> Response:
    return problem_response(error)
