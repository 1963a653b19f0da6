"""Browsers without a browser: clients that send forms as pages do."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from rq_scheduler import Every, Schedule, Scheduler
from web.conftest import HOST, REPORT, MakeClient

MakePages = Callable[..., TestClient]


@pytest.fixture
def pages_of(client_of: MakeClient) -> MakePages:
    """As `client_of`: of a visitor whose browser says where its forms come from."""

    def make(role: str | None = "operator", **settings: Any) -> TestClient:
        client = client_of(role, **settings)
        client.headers["origin"] = HOST
        client.follow_redirects = False
        return client

    return make


@pytest.fixture
def pages(pages_of: MakePages) -> TestClient:
    """An operator's."""
    return pages_of()


@pytest.fixture
def nightly(scheduler: Scheduler) -> str:
    """A schedule that may be run by way of the web: its id."""
    scheduler.schedules.put(Schedule("nightly", Every("1h"), REPORT, tags=("billing",), note="a note"))
    return "nightly"
