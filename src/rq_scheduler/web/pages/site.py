"""The addresses of the dashboard: which page is where."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from rq_scheduler.web.api.endpoint import Service
from rq_scheduler.web.pages import (
    actions,
    clock_changes,
    confirm,
    edit,
    jobs,
    load,
    many,
    now,
    quarantine,
    records,
    schedule,
    schedules,
    why,
)
from rq_scheduler.web.pages.login import Login
from rq_scheduler.web.pages.look import MEDIA_TYPES, static, version
from rq_scheduler.web.pages.page import Page
from rq_scheduler.web.pages.preferences import set_preferences
from rq_scheduler.web.problems import Refused

__all__ = ["page_routes"]


def page_routes(service: Service) -> Sequence[BaseRoute]:
    """All of them. Below `/schedules` there is nothing beside schedules, which may have any id."""
    login = Login(service)
    pages = {
        "/": Page(service, now.show),
        "/schedules": Page(service, schedules.show),
        "/bulk": Page(service, many.ask, many.do),
        "/new": Page(service, edit.show_new, edit.create),
        "/schedules/{id}/edit": Page(service, edit.show_edit, edit.change),
        "/schedules/{id}": Page(service, schedule.show),
        "/schedules/{id}/why": Page(service, why.of_schedule),
        "/schedules/{id}/run": Page(service, None, actions.run_now),
        "/schedules/{id}/pause": Page(service, confirm.ask_pause, actions.pause),
        "/schedules/{id}/resume": Page(service, None, actions.resume),
        "/schedules/{id}/backfill": Page(service, confirm.ask_backfill, actions.backfill),
        "/schedules/{id}/delete": Page(service, confirm.ask_delete, actions.delete),
        "/schedules/{id}/undo": Page(service, None, actions.undo),
        "/why": Page(service, why.ask),
        "/jobs": Page(service, jobs.show),
        "/jobs/{id}": Page(service, jobs.show_one),
        "/jobs/{id}/traceback": Page(service, jobs.show_traceback),
        "/jobs/{id}/run": Page(service, None, actions.run_job_now),
        "/jobs/{id}/move": Page(service, None, actions.move_job),
        "/jobs/{id}/cancel": Page(service, None, actions.cancel_job),
        "/jobs/{id}/stop": Page(service, confirm.ask_stop, actions.stop_run),
        "/queues/{id}/move": Page(service, confirm.ask_move_queue, actions.move_queue),
        "/quarantine": Page(service, quarantine.show),
        "/quarantine/retry": Page(service, None, actions.retry),
        "/quarantine/purge": Page(service, None, actions.purge),
        "/clock-changes": Page(service, clock_changes.show),
        "/clock-changes/schedules": Page(service, clock_changes.show_each),
        "/load": Page(service, load.show),
        "/events": Page(service, records.show_events),
        "/audit": Page(service, records.show_audit),
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
