"""The way that each request for a page takes: who asks, by whose clock, in which colors; what is shown, or where a form
leads; and what is shown where something is wrong."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rq_scheduler import Scheduler
from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.clock import from_us
from rq_scheduler.errors import ScheduleNotFound, SchedulerError
from rq_scheduler.host import host_zone
from rq_scheduler.log import log
from rq_scheduler.store.survey import Counts, Survey
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import zone
from rq_scheduler.web.api.endpoint import Service, admit, read_body, refuse_changes
from rq_scheduler.web.pages.look import render, unsealed
from rq_scheduler.web.problems import Refused, refused_by
from rq_scheduler.web.security.visitors import Visitor, is_secure, root_path

__all__ = [
    "SOON",
    "THEME",
    "ZONE",
    "Asked",
    "Handler",
    "Page",
    "Shown",
    "Went",
    "check_from_a_page",
    "error_page",
    "frame",
    "known_zone",
    "link",
]

THEME, ZONE, DONE = "rqscheduler-theme", "rqscheduler-zone", "rqscheduler-done"
"""Cookies: how a visitor wants pages to look, by which clock, and what his last form did: each page that a form leads
to has one of its own, so that no other page shows it, or takes it away."""

_BY_ITSELF = "x-page-update"
"""A header: the script asks, to update a page; what a form did is for the page that it leads to."""

SOON = 2
"""Seconds after which a page that is not complete yet is asked for again."""

_YEAR = 366 * 86_400
_MAX_FIELDS, _MAX_QUERY, _MAX_DONE, _MAX_ID = 1_000, 4_000, 1_000, 400


@dataclass(frozen=True)
class Asked:
    """A request for a page, or a form that was sent, of a visitor who may come. `scheduler` acts as him. now: the
    server's time, aware UTC; zone: the IANA name of his clock. query and form: the last value of each name; `chosen`
    has all values of the form's boxes."""

    service: Service
    scheduler: Scheduler
    visitor: Visitor
    request: Request
    now: datetime
    zone: str
    counts: Counts
    id: str = ""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] = field(default_factory=dict[str, str])
    chosen: tuple[str, ...] = ()

    @property
    def may_change(self) -> bool:
        """Whether he may change anything here."""
        return self.visitor.role == "operator" and not self.service.settings.read_only

    @property
    def hides_arguments(self) -> bool:
        """Whether he is shown no arguments, nor what may hold some."""
        return context_of(self.scheduler).hides_arguments

    @property
    def looks_only(self) -> str:
        """Why he may change nothing; empty where he may."""
        if self.service.settings.read_only:
            return "this site is read-only (rqscheduler web --read-only)"
        return "" if self.may_change else "with the role viewer"

    def refusal(self, *functions: str) -> str:
        """Why this site may not run any of these, in a sentence without its full stop; empty where it may. What is
        refused so is not offered."""
        return self.service.settings.functions.refusal(filter(None, functions)) or ""

    @property
    def times(self) -> Times:
        """How moments are said: today's by the clock alone."""
        return Times(self.zone, self.now, self.now)

    @property
    def tz(self) -> ZoneInfo:
        """His zone."""
        return ZoneInfo(self.zone)

    @property
    def one_offs(self) -> int:
        """Jobs that wait to run once."""
        return max(0, self.counts.jobs - self.counts.recurring_jobs)

    def link(self, *parts: str, **query: str | None) -> str:
        """The address of a page of ours, below where the application is mounted."""
        return link(root_path(self.request), *parts, **query)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its template, its title, and the value that it shows. `refresh`: seconds after which a browser asks
    again by itself."""

    template: str
    title: str
    model: Any = None
    status: int = 200
    refresh: int | None = None


@dataclass(frozen=True, slots=True)
class Went:
    """Where a form leads, and what it did, in a sentence; `wrong` where it did not. `cookies` are set for a year."""

    to: str
    done: str = ""
    wrong: bool = False
    cookies: Mapping[str, str] = field(default_factory=dict[str, str])


Handler: TypeAlias = Callable[[Asked], "Shown | Went"]


def link(root: str, *parts: str, **query: str | None) -> str:
    """`/scheduler/schedules/a%20b?at=...`: parts and values are quoted, None is left out."""
    path = "/".join(quote(part, safe="", errors="surrogateescape") for part in parts)
    given = {name: value for name, value in query.items() if value is not None}
    return f"{root}/{path}" + (f"?{urlencode(given, errors='replace')}" if given else "")


class Page:
    """One address: what is shown there, and what a form that is sent there does. `changes` says whether that takes an
    operator."""

    def __init__(
        self, service: Service, show: Handler | None, do: Handler | None = None, *, changes: bool = True
    ) -> None:
        self._service = service
        self._show = show
        self._do = do
        self._changes = changes

    @property
    def methods(self) -> list[str]:
        """What may be asked of it."""
        return [*(["GET"] if self._show else []), *(["POST"] if self._do else [])]

    async def respond(self, request: Request) -> Response:
        """The answer."""
        try:
            if request.method != "POST":
                return await run_in_threadpool(self._respond, request)
            check_from_a_page(request)
            visitor = await run_in_threadpool(admit, self._service, request, changes=self._changes)
            body = await read_body(request, self._service.settings)
            return await run_in_threadpool(self._respond, request, visitor, body)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  told on a page
            if isinstance(error, Refused) and error.status == 401 and self._service.settings.auth == "tokens":
                return _to_login(request)
            return error_page(self._service, request, error)

    def _respond(self, request: Request, visitor: Visitor | None = None, body: bytes = b"") -> Response:
        handler = self._show if visitor is None else self._do
        asked = _asked(self._service, visitor or admit(self._service, request), request, body)
        if handler is None:
            raise Refused(405, "method", "this page takes no form")
        if self._do is not None and self._changes:  # nor is the form shown to those who may not send it
            refuse_changes(self._service.settings, asked.visitor)
        return answer(asked, handler(asked))


def check_from_a_page(request: Request) -> None:
    """Raises Refused for a form that no browser says to be of a page of ours: the guard has looked at what they say."""
    if "origin" not in request.headers and "sec-fetch-site" not in request.headers:
        raise Refused(403, "cross-site", "this form came without an Origin: programs use the HTTP API, at /api/v1")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(415, "no-form", "a form is sent as application/x-www-form-urlencoded")


def answer(asked: Asked, result: Shown | Went) -> Response:
    """What is sent."""
    request = asked.request
    if isinstance(result, Went):
        response: Response = RedirectResponse(result.to, 303)
        for name, value in result.cookies.items():
            cookie(asked.service, request, response, name, value, _YEAR)
        if result.done:
            said = ("!" if result.wrong else "") + result.done[:_MAX_DONE]
            name = _done_at(request, unquote(urlsplit(result.to).path))
            cookie(asked.service, request, response, name, quote(said, safe="", errors="replace"), 60)
        return response
    told = _done_at(request, request.url.path)
    done = "" if _BY_ITSELF in request.headers else unquote(request.cookies.get(told, ""))[:_MAX_DONE]
    html = render(
        result.template,
        **frame(request),
        asked=asked,
        link=asked.link,
        here=result.template.removesuffix(".html"),
        title=result.title,
        m=result.model,
        refresh=result.refresh,
        done=done.removeprefix("!"),
        wrong=done.startswith("!"),
        once=secrets.token_hex(8),
        path=_path(request),
        held_on=_held(request, on=True),
        held_off=_held(request, on=False),
    )
    response = HTMLResponse(html, result.status)
    if done:
        cookie(asked.service, request, response, told, "", 0)
    return response


def _done_at(request: Request, path: str) -> str:
    """The cookie of what a form did that leads to this page."""
    within = path.removeprefix(root_path(request)) or "/"
    return f"{DONE}-{hashlib.sha256(within.encode(errors='replace')).hexdigest()[:12]}"


def error_page(service: Service, request: Request, error: Exception) -> Response:
    """What is shown where something is wrong. A fault of ours is logged, and says nothing of itself."""
    refused = refused_by(error)
    if isinstance(error, ScheduleNotFound):
        refused = Refused(
            404, "not-found", "there is no schedule of this id (any more): Schedules lists those there are"
        )
    if refused is None:
        log.error("a request failed", exc_info=error, extra={"action": "web_failed"})
        refused = Refused(500, "internal", "something is wrong here: the log of this process says what")
    problem = refused.problem
    html = render(
        "error.html",
        **frame(request),
        asked=None,
        link=partial(link, root_path(request)),
        here="",
        title=problem.title,
        m=problem,
        refresh=5 if problem.status == 503 and request.method == "GET" else None,
        done="",
        wrong=False,
        once="",
        path=_path(request),
    )
    return HTMLResponse(html, refused.status, refused.headers)


def cookie(service: Service, request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """A cookie of this application alone; no script can read it."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=root_path(request) or "/",
        secure=is_secure(request, service.settings),
        httponly=True,
        samesite="lax",
    )


def _asked(service: Service, visitor: Visitor, request: Request, body: bytes) -> Asked:
    id = request.path_params.get("id", "")
    if len(id) > _MAX_ID or not id.isprintable():
        raise Refused(404, "not-found", "nothing has an id like that")
    survey = Survey(service.scheduler.connection)
    now = survey.now()
    pairs = _pairs(body)
    return Asked(
        service=service,
        scheduler=service.scheduler_of(visitor),
        visitor=visitor,
        request=request,
        now=from_us(now),
        zone=known_zone(request.cookies.get(ZONE, "")) or service.settings.timezone or host_zone(),
        counts=survey.counts(now),
        id=id,
        query=dict(_pairs(request.scope["query_string"][:_MAX_QUERY])),
        form=dict(pairs),
        chosen=tuple(dict.fromkeys(unsealed(value) for name, value in pairs if name == "id")),
    )


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise Refused(400, "bad-form", "this is no form, in UTF-8, of a page of this application") from None


def frame(request: Request) -> dict[str, Any]:
    """What every page needs, also where nobody is known."""
    theme = request.cookies.get(THEME, "")
    return {
        "root": root_path(request),
        "theme": theme if theme in ("light", "dark") else "",
        "utc": datetime.now(UTC),
        "stream": "wsgi_environ" not in request.scope,
    }


def _path(request: Request) -> str:
    """Of the page within the application, to come back to."""
    path = request.url.path.removeprefix(root_path(request)) or "/"
    if request.method != "GET":
        return "/"
    return f"{path}?{request.url.query}" if request.url.query else path


def _held(request: Request, *, on: bool) -> str:
    """The address of this page with the updates held, or going on."""
    path, _, query = _path(request).partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("hold=")]
    said = "&".join([*kept, *(["hold=1"] if on else [])])
    return f"{path}?{said}" if said else path


def known_zone(given: str) -> str:
    """What the visitor chose, or a form says, if it is a zone; else nothing."""
    try:
        return zone(zone_name(unquote(given))).name if given else ""
    except SchedulerError:
        return ""


def _to_login(request: Request) -> Response:
    """A form is not kept meanwhile: it is filled in anew."""
    back = _path(request)
    return RedirectResponse(link(root_path(request), "login", next=None if back == "/" else back), 303)
