"""`GET /metrics`: what Redis knows of the fleet, for Prometheus. For whom viewers are for: a token, or this host."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rq_scheduler.web.api.endpoint import Service, admit, problem_response
from rq_scheduler.web.problems import Refused

__all__ = ["Metrics"]


class Metrics:
    """The metrics of one application."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def respond(self, request: Request) -> Response:
        """The exposition; or a problem."""
        try:
            return await run_in_threadpool(self._exposed, request)
        except Exception as error:  # noqa: BLE001  told as a problem
            return problem_response(error)

    def _exposed(self, request: Request) -> Response:
        service = self._service
        admit(service, request)
        try:
            from rq_scheduler.metrics import CONTENT_TYPE, FleetMetrics, exposition_of
        except ModuleNotFoundError as error:
            raise Refused(501, "no-metrics", str(error)) from None
        text = exposition_of(FleetMetrics(service.scheduler, service.settings.metrics_tags))
        return Response(text, headers={"content-type": CONTENT_TYPE})
