"""Fixtures of the tests on an event loop."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import redis as redis_py
import redis.asyncio as redis_asyncio

from rq_scheduler import AsyncScheduler
from rq_scheduler.embedded import EmbeddedRedis

Made = Callable[..., AbstractAsyncContextManager[AsyncScheduler]]


async def closed(client: Any) -> None:
    await (client.aclose() if hasattr(client, "aclose") else client.close())


@pytest.fixture
def scheduler(redis: redis_py.Redis, server: EmbeddedRedis) -> Made:
    """`async with scheduler() as made`: on a client of the shared server, which is closed at the end."""

    @asynccontextmanager
    async def make(url: str = server.url, options: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[Any]:
        client = redis_asyncio.Redis.from_url(url, **(options or {}))
        try:
            yield AsyncScheduler(connection=client, **more)
        finally:
            await closed(client)

    return make


__all__ = ["Coroutine", "Made", "closed"]
