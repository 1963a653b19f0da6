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
        response = Response(status_code=204)
        if body is not None:
            self.open(request, response, body.token)
        else:
            self.close(request, response)
        return response

    def open(self, request: Request, response: Response, token: str) -> None:
        """Gives a browser the session of a token, with a response. Raises Refused where the token is nobody's."""
        service = self._service
        self._check()
        bearer = service.visitors.bearer(request, service.scheduler.tokens, token)
        seconds = service.settings.session_seconds
        self._set(request, response, service.scheduler.tokens.open_session(bearer, seconds), seconds)

    def close(self, request: Request, response: Response) -> None:
        """Ends a browser's session."""
        self._check()
        name = cookie_name(request, self._service.settings)
        if name in request.cookies:
            self._service.scheduler.tokens.close_session(request.cookies[name])
        self._set(request, response, "", 0)

    def _check(self) -> None:
        if self._service.settings.auth != "tokens":
            raise Refused(404, "not-found", "this application does not log people in")

    def _set(self, request: Request, response: Response, secret: str, seconds: int) -> None:
        settings = self._service.settings
        response.set_cookie(
            cookie_name(request, settings),
            secret,
            max_age=seconds,
            path=root_path(request) or "/",
            secure=is_secure(request, settings),
            httponly=True,
            samesite="lax",
        )
