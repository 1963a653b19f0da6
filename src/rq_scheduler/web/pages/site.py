"""The addresses of the dashboard: which page is where."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from rq_scheduler.web.api.endpoint import Service
from rq_scheduler.web.pages import now, schedule, schedules, why
from rq_scheduler.web.pages.login import Login
from rq_scheduler.web.pages.look import MEDIA_TYPES, static, version
from rq_scheduler.web.pages.page import Page
from rq_scheduler.web.pages.preferences import set_preferences
from rq_scheduler.web.problems import Refused

__all__ = ["page_routes"]


def page_routes(service: Service) -> Sequence[BaseRoute]:
    """All of them; fixed addresses first."""
    login = Login(service)
    pages = {
        "/": Page(service, now.show),
        "/schedules": Page(service, schedules.show),
        "/schedules/{id}": Page(service, schedule.show),
        "/schedules/{id}/why": Page(service, why.of_schedule),
        "/why": Page(service, why.ask),
        "/preferences": Page(service, None, set_preferences, changes=False),
    }
    return [
        Path("/static/{name}", _file, methods=["GET"]),
        Path("/login", login.respond, methods=["GET", "POST"]),
        Path("/logout", login.leave, methods=["POST"]),
        *(Path(path, page.respond, methods=page.methods) for path, page in pages.items()),
    ]


async def _file(request: Request) -> Response:
    """A file beside the pages; for ever the same under the address that pages use."""
    name = request.path_params["name"]
    if name not in MEDIA_TYPES:
        raise Refused(404, "not-found", "nothing is at this address")
    kept = "public, max-age=31536000, immutable" if request.url.query == f"v={version(name)}" else "no-cache"
    return Response(static(name), headers={"cache-control": kept}, media_type=MEDIA_TYPES[name])
