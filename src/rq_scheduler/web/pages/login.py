"""Logging in by a form: a token is changed for a session, as by `POST /api/v1/session`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rq_scheduler.web.api.endpoint import Service, read_body
from rq_scheduler.web.api.sessions import Sessions
from rq_scheduler.web.pages.look import render
from rq_scheduler.web.pages.page import check_from_a_page, error_page, frame, link
from rq_scheduler.web.problems import Refused
from rq_scheduler.web.security.visitors import root_path

__all__ = ["Login", "own_path"]

_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")
"""A path of this application, and no address of another host."""


class Login:
    """`GET` shows the form, `POST` opens the session and leads back to where one wanted to go."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sessions = Sessions(service)

    async def respond(self, request: Request) -> Response:
        """The form; or the session."""
        try:
            if self._service.settings.auth != "tokens":
                raise Refused(404, "not-found", "this application does not log people in")
            if request.method != "POST":
                return self._form(request, own_path(request.query_params.get("next")))
            form = await self._read(request)
            return await run_in_threadpool(self._open, request, form)
        except Exception as error:  # noqa: BLE001  told on a page
            return error_page(self._service, request, error)

    async def leave(self, request: Request) -> Response:
        """Ends the session."""
        try:
            await self._read(request)
            response = RedirectResponse(link(root_path(request), "login"), 303)
            await run_in_threadpool(self._sessions.close, request, response)
        except Exception as error:  # noqa: BLE001  told on a page
            return error_page(self._service, request, error)
        return response

    async def _read(self, request: Request) -> dict[str, str]:
        check_from_a_page(request)
        body = await read_body(request, self._service.settings)
        try:
            return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10))
        except ValueError:
            raise Refused(400, "bad-form", "this is no form, in UTF-8, of a page of this application") from None

    def _open(self, request: Request, form: dict[str, str]) -> Response:
        back = own_path(form.get("next"))
        response = RedirectResponse(root_path(request) + back, 303)
        try:
            self._sessions.open(request, response, form.get("token", "").strip())
        except Refused as refused:
            if refused.status in (401, 429):
                return self._form(request, back, refused)
            raise
        return response

    def _form(self, request: Request, back: str, refused: Refused | None = None) -> Response:
        values: dict[str, Any] = frame(request)
        html = render("login.html", **values, title="Log in", back=back, refused=refused)
        status, headers = (200, None) if refused is None else (refused.status, refused.headers)
        return HTMLResponse(html, status, headers)


def own_path(path: str | None) -> str:
    """A path within the application, as somebody gave it; the first page for anything else."""
    return path if path is not None and len(path) < 2000 and _OWN_PATH.fullmatch(path) else "/"
