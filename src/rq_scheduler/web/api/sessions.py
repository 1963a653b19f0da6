"""Logging a browser in and out: a token is changed for a session, which a cookie keeps from scripts and other sites."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rq_scheduler.web.api.endpoint import Service, json_body, problem_response
from rq_scheduler.web.problems import Refused
from rq_scheduler.web.security.visitors import cookie_name, is_secure, root_path

__all__ = ["Login", "Sessions"]


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token to log in with."""

    token: str


class Sessions:
    """`POST` opens a session, `DELETE` ends it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def respond(self, request: Request) -> Response:
        """204, with the cookie, or without it from now on."""
        try:
            body = await json_body(request, self._service.settings, Login) if request.method == "POST" else None
            return await run_in_threadpool(self._do, request, body)
        except Exception as error:  # noqa: BLE001  told as a problem
            return problem_response(error)

    def _do(self, request: Request, body: Login | None) -> Response:
        service, tokens = self._service, self._service.scheduler.tokens
        if service.settings.auth != "tokens":
            raise Refused(404, "not-found", "this application does not log people in")
        name, response = cookie_name(request, service.settings), Response(status_code=204)
        secret, seconds = "", 0
        if body is not None:
            token, seconds = service.visitors.bearer(request, tokens, body.token), service.settings.session_seconds
            secret = tokens.open_session(token, seconds)
        elif name in request.cookies:
            tokens.close_session(request.cookies[name])
        response.set_cookie(
            name,
            secret,
            max_age=seconds,
            path=root_path(request) or "/",
            secure=is_secure(request, service.settings),
            httponly=True,
            samesite="lax",
        )
        return response
