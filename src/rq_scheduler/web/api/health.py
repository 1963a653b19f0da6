"""Whether this process serves: for probes, which need no token and are told nothing else."""

from __future__ import annotations

from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rq_scheduler import Scheduler
from rq_scheduler.client.base import context_of

__all__ = ["Health"]


class Health:
    """`/health/live`: the loop turns. `/health/ready`: Redis answers, too. A Redis that is away is no reason to end
    this process."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    async def live(self, request: Request) -> Response:
        """200."""
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        """200, or 503."""
        if await run_in_threadpool(self._answers):
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "redis does not answer"}, 503)

    def _answers(self) -> bool:
        try:
            context_of(self._scheduler).store.server_time()
        except (RedisError, OSError):
            return False
        return True
