"""The web application on the suite's Redis, and clients of it: an operator, a viewer, a stranger."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from rq_scheduler import Scheduler
from rq_scheduler.web import Settings, create_app

HOST = "http://localhost:8000"
MODULE = "web.functions_to_allow"
REPORT = f"{MODULE}.report"

Client = TestClient
MakeClient = Callable[..., TestClient]


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis, actor="me")


@pytest.fixture
def client_of(scheduler: Scheduler) -> Iterator[MakeClient]:
    """A client of an application of its own: `client_of(role="viewer", read_only=True)`; no role for a stranger."""
    with ExitStack() as stack:

        def make(role: str | None = "operator", **settings: Any) -> TestClient:
            options: dict[str, Any] = {"allow": (f"{MODULE}.*",), "allow_queues": ("mails",), **settings}
            app = create_app(scheduler, Settings(**options))
            # As a context it has one event loop, and not one for each request.
            client = stack.enter_context(TestClient(app, HOST, raise_server_exceptions=False))
            if role is not None:
                token = scheduler.tokens.make(f"a {role}", role)  # pyright: ignore[reportArgumentType]
                client.headers["authorization"] = f"Bearer {token}"
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def client(client_of: MakeClient) -> TestClient:
    """An operator's."""
    return client_of()


@pytest.fixture
def viewer(client_of: MakeClient) -> TestClient:
    return client_of("viewer")
